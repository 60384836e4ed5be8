"""The weights that a tiny net went through, kept in its checkpoints."""

from pathlib import Path
from typing import Any

import pytest
import torch
from made import executed
from torch import Tensor

from seedbed.errors import RunError
from seedbed.looks.weight_path import WeightPath
from seedbed.record.directory import RunDirectory
from seedbed.runs.resume import resume

RATE = 0.01


def ran(folder: Path, *overrides: str) -> RunDirectory:
    return executed(folder, "net=linear", "data.held_out=50", "logger=csv", *overrides)


def kept(run: RunDirectory) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run.last, weights_only=True)["callbacks"]["WeightPath"]
    return state


def path(run: RunDirectory) -> dict[int, list[float]]:
    state = kept(run)
    count = state["count"]
    weights = state["weights"][:count].tolist()
    return dict(zip(state["steps"][:count].tolist(), weights, strict=True))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("whole") / "run"
    return ran(folder, "max_epochs=20", f"optimizer.lr={RATE}", "callbacks.weight_path.most=9")


def descended(inputs: Tensor, targets: Tensor, start: list[float], steps: int) -> list[float]:
    """Weight and bias of a line after steps of gradient descent on the mean squared error."""
    weight, bias = start
    for _ in range(steps):
        errors = weight * inputs + bias - targets
        weight -= RATE * 2 * float((errors * inputs).mean())
        bias -= RATE * 2 * float(errors.mean())
    return [weight, bias]


def test_weights_are_kept_as_descent_by_hand_gives_them(whole: RunDirectory) -> None:
    from seedbed.runs.load import load

    inputs, targets = (part.flatten() for part in load(whole.path).datamodule.splits.train)
    walked = path(whole)
    for step, weights in walked.items():
        expected = descended(inputs, targets, walked[0], step)
        assert weights == pytest.approx(expected, rel=1e-4)


def test_where_there_is_no_more_room_every_other_is_dropped(whole: RunDirectory) -> None:
    assert [*path(whole)] == [0, 4, 8, 12, 16, 20]


def test_path_of_a_resumed_fit_is_that_of_a_whole_one(whole: RunDirectory, tmp_path: Path) -> None:
    settings = ("max_epochs=7", f"optimizer.lr={RATE}", "callbacks.weight_path.most=9")
    run = ran(tmp_path / "run", *settings)
    resume(run.path, ["max_epochs=20"])
    assert path(run) == path(whole)


def test_of_a_net_with_too_many_parameters_nothing_is_kept(tmp_path: Path) -> None:
    run = ran(tmp_path / "run", "max_epochs=1", "net.hidden=[2000]")
    assert "WeightPath" not in torch.load(run.last, weights_only=True)["callbacks"]


def test_path_that_was_altered_is_refused(whole: RunDirectory, tmp_path: Path) -> None:
    run = ran(tmp_path / "run", "max_epochs=2")
    state = torch.load(run.last, weights_only=True)
    state["callbacks"]["WeightPath"]["count"] = 10**6
    torch.save(state, run.last)
    with pytest.raises(RunError, match=r"last\.ckpt.*WeightPath"):
        resume(run.path, ["max_epochs=4"])


def test_negative_room_is_refused() -> None:
    with pytest.raises(ValueError, match="most=-1: expected 0 or more"):
        WeightPath(most=-1)
