"""The test part of a sweep: no job sees it, the winner is measured on it once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from stubs.data import Dots

from seedbed.data.rows import RowSplits
from seedbed.errors import DataError
from seedbed.record.run import find_runs
from seedbed.report.comparison import compare
from seedbed.report.tables import remarks
from seedbed.runs.evaluate import evaluate
from seedbed.runs.load import load
from seedbed.sweep import run as module


class TouchedError(Exception):
    """Labels were used."""


class Labels(torch.Tensor):
    """Targets that nothing may be computed of."""

    @classmethod
    def __torch_function__(cls, *_: Any, **__: Any) -> Any:
        raise TouchedError


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test part's labels raise as soon as anything touches them, once they are loaded."""
    usual = Dots.load

    def loaded(data: Dots) -> RowSplits:
        splits = usual(data)
        inputs, targets = splits.test
        return replace(splits, test=(inputs, targets.as_subclass(Labels)))

    monkeypatch.setattr(Dots, "load", loaded)


@pytest.mark.usefixtures("guarded")
def test_job_touches_no_test_label_after_it_has_loaded_them(sweep: Any) -> None:
    sweep("optimizer.lr=0.01,0.02")
    assert sweep.states() == ["finished", "finished"]
    with pytest.raises(TouchedError):
        evaluate(sweep.runs()[0].path, split="test")


def test_sealed_part_raises_until_it_is_opened(sweep: Any) -> None:
    sweep("optimizer.lr=0.01")
    data = load(sweep.runs()[0].path).datamodule
    with pytest.raises(DataError, match="The test part is sealed"):
        data.test_dataloader()
    data.sealed = False
    assert len(data.test_dataloader()) > 0


@pytest.fixture
def reported(plan_of: Any, compose_of: Any, tmp_path: Path) -> Path:
    """A sweep over two rates and two seeds, with its report; the first rate is the better one."""
    folder = tmp_path / "sweep"
    overrides = ("optimizer.lr=0.01,0.0001",)
    plan = plan_of(*overrides, seeds=2)
    for _ in range(2):  # the second time opens nothing more
        module.run(plan, folder, compose_of, command=[*overrides])
    return folder


def test_only_the_winner_is_tested_and_each_opening_is_recorded_and_counted(
    reported: Path,
) -> None:
    runs = find_runs([reported])
    tested = {run.path.name for run in runs if "test/loss" in run.final}
    assert {run.config["optimizer.lr"] for run in runs if run.path.name in tested} == {0.01}
    assert len(tested) == 2
    opened = yaml.safe_load((reported / "sweep.yaml").read_text())["test_opened"]
    assert {(each["job"], each["by"]) for each in opened} == {(name, "sweep") for name in tested}
    assert "Test part opened 1 time, for 1 of 2 settings." in remarks(compare(runs))
