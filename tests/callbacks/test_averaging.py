"""Lightning's moving average of the weights, within our runs."""

from pathlib import Path

import pytest
import torch
from made import copy_of, executed
from torch import Tensor

from seedbed.record.directory import RunDirectory
from seedbed.runs.evaluate import Split, evaluate
from seedbed.runs.resume import resume

Weights = dict[str, Tensor]

DECAY = 0.75
AVERAGED = ("callbacks=averaging", f"callbacks.averaging.decay={DECAY}")
STEPS = 4


def ran(folder: Path, *overrides: str) -> RunDirectory:
    few = ("data.held_out=50", "data.batch_size=10", "logger=csv")
    return executed(folder, *few, *overrides)


@pytest.fixture(scope="module")
def averaged(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("averaged") / "run"
    return ran(folder, *AVERAGED, f"max_steps={STEPS}")


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
            expected = DECAY * expected + (1 - DECAY) * weight
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


def test_fit_made_longer_ends_as_one_that_was_so_long_from_the_start(
    averaged: RunDirectory, tmp_path: Path
) -> None:
    """Its schedule is constant, so that only the averaging could tell the two apart."""
    longer = copy_of(averaged, tmp_path / "longer")
    resume(longer.path, [f"max_steps={2 * STEPS}"])
    whole = ran(tmp_path / "whole", *AVERAGED, f"max_steps={2 * STEPS}")
    states = [torch.load(run.last, weights_only=True) for run in (longer, whole)]
    for weights in ("state_dict", "current_model_state"):
        found, wanted = (state[weights] for state in states)
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_ranks_of_characters_are_not_averaged(tmp_path: Path) -> None:
    study = ["data=rhymes", "data.poems=60", "data.context=16", "net=gpt", "net.depth=1"]
    options = ["task=language", "net.cutoffs=[10,20]", "callbacks=averaging", "max_steps=5"]
    run = executed(tmp_path / "run", *study, *options, "logger=csv")
    state = torch.load(run.best, weights_only=True)
    [name] = [name for name in state["state_dict"] if name.endswith("ranks")]
    ranks = state["state_dict"][name]
    assert ranks.sort().values.tolist() == list(range(len(ranks)))
