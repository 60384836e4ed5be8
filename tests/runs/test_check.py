import json
from pathlib import Path

import pytest
import torch
from fixtures import Command
from shipped import EXPERIMENTS, OWN_DATA

from seedbed.errors import DataError, SettingError
from seedbed.runs import check as module
from seedbed.runs.check import check

VERSE = ("experiment=rhymes", "data.poems=60", "data.context=8", "net.depth=1")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["experiment=marks"], "a batch of [32, 2], loss 0."),
        (["experiment=glyphs"], "a batch of [32, 1, 8, 8], loss 2."),
        (VERSE, "a batch of [8, 8], loss "),
        (["experiment=dots"], "a batch of [100, 1], loss "),
    ],
)
def test_good_study_passes(overrides: list[str], said: str) -> None:
    assert check(overrides).startswith(said)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("experiment=makrs", "experiment=makrs: no such experiment; did you mean marks?"),
        ("optimizer.lrr=1", "optimizer.lrr: no such setting; did you mean optimizer.lr?"),
        ("optimizer.lr=abc", "optimizer.lr=abc: expected a number, got a text."),
        ("monitor=val/los", "monitor=val/los: no such metric; did you mean val/loss"),
        ("net.hidden=[-1]", "seedbed.nets.mlp.MLP: "),
    ],
)
def test_wrong_setting_is_named_with_the_nearest(override: str, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        check([override])
    assert message in str(caught.value)


def test_loss_is_in_the_targets_own_unit(tmp_path: Path) -> None:
    rows = "".join(f"{x},{1000 * x}\n" for x in range(60))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    study = ["experiment=dots", "data=table", f"data.path={tmp_path}/t.csv", "data.target=y"]
    said = check(study)
    assert float(said.rpartition(" ")[2]) > 1e7  # of targets whose deviation is 17,000


def test_prompt_is_no_mistake_beside_another() -> None:
    with pytest.raises(SettingError) as caught:
        check(["experiment=dotz", "prompt=春夜喜雨"])
    assert str(caught.value) == "experiment=dotz: no such experiment; did you mean dots?"


def test_missing_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: cannot be read"):
        check(["data=table", f"data.path={tmp_path}/none.csv", "data.target=y"])


def test_wrong_shape_is_found_by_the_first_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedbed.nets.mlp.MLP.forward", lambda net, x: net.head(x.flatten(1)))
    with pytest.raises(SettingError, match=r"a batch of inputs \[100, 1\] does not go through"):
        check([])


def test_loss_that_is_not_finite_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedbed.nets.mlp.MLP.forward", lambda net, x: x * torch.nan)
    with pytest.raises(SettingError, match="the loss of a first batch is nan"):
        check([])


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check(["experiment=marks"])
    assert not [*tmp_path.iterdir()]


def test_one_bad_experiment_does_not_hide_the_others(
    seedbed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(overrides: list[str]) -> str:
        if overrides == ["experiment=marks"]:
            raise SettingError("this is wrong\nand that")
        return "good"

    monkeypatch.setattr(module, "check", refused)
    called = seedbed("check")
    assert called.status == 2
    assert "wrong\n    this is wrong\n    and that\n" in called.out
    assert called.out.count("ok: good") >= len(EXPERIMENTS) - len(OWN_DATA) - 1
    assert called.out.count("ok: it is for a file of your own, data.path=FILE") == len(OWN_DATA)


def test_command_prints_json(seedbed: Command) -> None:
    called = seedbed("check", "experiment=marks", "net.hiden=[3]", "--json")
    [result] = json.loads(called.out)
    assert (called.status, result["study"]) == (2, "experiment=marks net.hiden=[3]")
    assert result["problem"] == "net.hiden: no such setting; did you mean net.hidden?"
