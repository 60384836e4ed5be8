"""Which runs a condition on their settings takes."""

from typing import Any

import pytest

from seedbed.errors import SettingError
from seedbed.runs.where import chosen

RUNS: list[dict[str, Any]] = [
    {"name": "base", "optimizer._target_": "torch.optim.SGD", "optimizer.lr": 0.1, "tags": None},
    {"name": None, "optimizer._target_": "torch.optim.Adam", "optimizer.lr": 1e-3, "tags": ["v2"]},
    {"name": "3", "optimizer._target_": "torch.optim.Adam", "tags": ["v2", "paper"], "notes": "so"},
]


@pytest.mark.parametrize(
    ("where", "taken"),
    [
        (["optimizer.lr<0.01"], [1]),
        (["optimizer.lr >= 1e-1"], [0]),
        (["optimizer=adam"], [1, 2]),
        (["optimizer!=Adam"], [0]),
        (["tags=paper"], [2]),
        (["tags=v2", "optimizer.lr<1"], [1]),
        (["name=base"], [0]),
        (["name=null"], [1]),
        (["name==3"], [2]),
        (["notes=s"], [2]),
        (["name<4"], [2]),
    ],
)
def test_condition_takes_the_runs_that_fulfil_it(where: list[str], taken: list[int]) -> None:
    assert [place for place, holds in enumerate(chosen(RUNS, where)) if holds] == taken


def test_setting_that_no_run_has_names_the_nearest() -> None:
    with pytest.raises(SettingError, match=r"optimizer.l: no run has .* did you mean optimizer.lr"):
        chosen(RUNS, ["optimizer.l<1"])


def test_what_is_no_condition_is_refused_with_an_example() -> None:
    with pytest.raises(SettingError, match=r"expected a setting, one of .* as 'optimizer.lr<0.01'"):
        chosen(RUNS, ["adam"])


@pytest.mark.parametrize("condition", ["optimizer.lr<<0.01", "name<base", "optimizer.lr>="])
def test_order_is_of_numbers_alone(condition: str) -> None:
    with pytest.raises(SettingError, match=r"expected a number after [<>]"):
        chosen(RUNS, [condition])
