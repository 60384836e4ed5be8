"""Lightning's moving average of the weights, within our runs."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from seedbed.compose import composed, plain
from seedbed.runs.directory import RunDirectory
from seedbed.runs.evaluate import Split, evaluate
from seedbed.runs.execute import execute

Weights = dict[str, Tensor]

EVERY_STEP = ["callbacks.averaging.update_every_n_steps=1", "callbacks.averaging.decay=0.75"]
STEPS = 4


def ran(folder: Path, *overrides: str) -> RunDirectory:
    few = ["data.held_out=50", "data.batch_size=10", "logger=csv", *overrides]
    run = RunDirectory.create(folder, plain(composed(few)))
    execute(run.path)
    return run


@pytest.fixture(scope="module")
def averaged(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("averaged") / "run"
    return ran(folder, "callbacks=averaging", *EVERY_STEP, f"max_steps={STEPS}")


@pytest.fixture(scope="module")
def after_each_step(tmp_path_factory: pytest.TempPathFactory) -> list[Weights]:
    """The weights of the same fit without an average."""
    folder = tmp_path_factory.mktemp("plain")
    runs = [ran(folder / f"{steps}", f"max_steps={steps}") for steps in range(1, STEPS + 1)]
    return [torch.load(run.last, weights_only=True)["state_dict"] for run in runs]


def test_best_checkpoint_holds_the_moving_average(
    averaged: RunDirectory, after_each_step: list[Weights]
) -> None:
    state = torch.load(averaged.best, weights_only=True)
    assert state["global_step"] == STEPS
    for name, average in state["state_dict"].items():
        expected, *later = (weights[name] for weights in after_each_step)
        for weight in later:
            expected = 0.75 * expected + 0.25 * weight
        torch.testing.assert_close(average, expected)


def test_training_goes_on_with_the_weights_themselves(
    averaged: RunDirectory, after_each_step: list[Weights]
) -> None:
    current = torch.load(averaged.last, weights_only=True)["current_model_state"]
    assert all(torch.equal(current[name], after_each_step[-1][name]) for name in current)


@pytest.mark.parametrize("split", ["val", "test"])
def test_average_is_what_was_validated_and_tested(averaged: RunDirectory, split: Split) -> None:
    metrics = averaged.metrics()
    again = evaluate(averaged.path, split=split)
    assert again == {name: metrics[name] for name in again}
    assert again
