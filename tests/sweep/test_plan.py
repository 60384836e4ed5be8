import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from seedbed.config.overrides import SWEEPERS
from seedbed.errors import SettingError
from seedbed.sweep.plan import Plan, Settings

PlanOf = Callable[..., Plan]

BASE = ("optimizer=sgd,adam", "max_epochs=3")


@pytest.mark.parametrize(
    "budget", [{"trials": 50}, {"seeds": 3}, {"workers": 2}, {"fail_fast": True}, {"fresh": True}]
)
def test_budget_does_not_change_the_directory(budget: dict[str, Any], plan_of: PlanOf) -> None:
    assert plan_of(*BASE, **budget).name == plan_of(*BASE).name


@pytest.mark.parametrize(
    "overrides",
    [
        ("optimizer=sgd,adam", "max_epochs=4"),
        ("optimizer=sgd,lamb", "max_epochs=3"),
        ("optimizer=sgd,adam", "max_epochs=3", "optimizer.lr=0.1,1"),
    ],
)
def test_anything_else_does(overrides: tuple[str, ...], plan_of: PlanOf) -> None:
    assert plan_of(*overrides).name != plan_of(*BASE).name


def test_order_of_arguments_does_not_change_the_directory(plan_of: PlanOf) -> None:
    assert plan_of(*reversed(BASE)).name == plan_of(*BASE).name


def test_name_begins_with_the_study(plan_of: PlanOf) -> None:
    assert plan_of(*BASE).name.startswith("line-")


def test_seed_and_seeds_together_are_refused(plan_of: PlanOf) -> None:
    with pytest.raises(SettingError, match="seed and seeds: expected one of the two"):
        plan_of("seed=1,2", seeds=2)


def test_all_wrong_settings_are_reported_at_once(plan_of: PlanOf) -> None:
    wrong = {"algorithm": "bayes", "trials": 0, "workers": "two", "pruning": 1}
    with pytest.raises(SettingError) as caught:
        plan_of(*BASE, **wrong)
    assert str(caught.value).splitlines() == [
        "algorithm=bayes: expected grid or random or tpe, got a text.",
        "workers=two: expected a whole number, got a text.",
        "pruning=1: expected true or false, got a whole number.",
        "trials=0: expected 1 or more.",
    ]


def test_settings_that_need_no_prefix_are_all_of_the_sweepers() -> None:
    assert set(SWEEPERS) == {field.name for field in dataclasses.fields(Settings)}
