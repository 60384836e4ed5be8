"""Loss and learning rate of single training batches, as a run's `batches.csv` has them."""

from itertools import pairwise
from pathlib import Path

import made
import pytest
import torch
from exact import logged

from seedbed.config.build import build
from seedbed.errors import TrainingError
from seedbed.record.directory import RunDirectory
from seedbed.record.run import read_run
from seedbed.runs.execute import execute

SMALL = ("data.held_out=20", "logger=csv", "data.batch_size=10")
"""Ten steps an epoch."""


def prepared(folder: Path, *overrides: str) -> RunDirectory:
    return made.prepared(folder, *SMALL, *overrides)


def batches(folder: Path, *overrides: str) -> dict[str, list[float | None]]:
    execute(prepared(folder, *overrides).path)
    return read_run(folder).batches


def test_first_batch_and_one_in_each_so_many_are_kept_over_all_epochs(tmp_path: Path) -> None:
    found = batches(tmp_path / "run", "log_every=4", "max_epochs=2")
    assert found["step"] == [1, 4, 8, 12, 16, 20]


def test_losses_are_those_that_the_log_has_the_mean_of(tmp_path: Path) -> None:
    found = batches(tmp_path / "run", "log_every=1", "max_epochs=2")
    losses = [loss or 0 for loss in found["loss"]]
    means = [float(row["train/loss"]) for row in logged(tmp_path / "run") if row["train/loss"]]
    assert [sum(losses[:10]) / 10, sum(losses[10:]) / 10] == pytest.approx(means)


def test_rates_are_those_that_the_steps_were_taken_at(tmp_path: Path) -> None:
    found = batches(tmp_path / "run", "log_every=1", "max_epochs=1", "scheduler=exponential")
    rates = [rate or 0 for rate in found["learning_rate"]]
    assert rates[0] == 0.01
    assert all(later < earlier for earlier, later in pairwise(rates))


def test_step_of_several_batches_is_kept_once(tmp_path: Path) -> None:
    gathered = ("trainer.accumulate_grad_batches=5", "log_every=1", "max_epochs=2")
    assert batches(tmp_path / "run", *gathered)["step"] == [1, 2, 3, 4]


def test_fit_that_diverges_leaves_the_way_there(tmp_path: Path) -> None:
    run = prepared(tmp_path / "run", "log_every=1", "max_epochs=9", "optimizer.lr=1e3")
    with pytest.raises(TrainingError, match="training loss is"):
        execute(run.path)
    losses = [loss or 0 for loss in read_run(run.path).batches["loss"]]
    assert losses[-1] > 1e9 * losses[0]


def test_gradient_norm_of_the_last_step_is_logged_with_the_validation(tmp_path: Path) -> None:
    run = prepared(tmp_path / "run", "data.batch_size=full", "max_epochs=1", "test=false")
    start = build(run.config(), tmp_path).task.state_dict()
    execute(run.path)
    end = torch.load(run.last, weights_only=True)["state_dict"]
    moved = torch.cat([(end[name] - start[name]).flatten() for name in start])
    # Plain gradient descent moves by the rate times the gradient.
    assert read_run(run.path).log["train/gradient_norm"] == [
        None,
        pytest.approx(float(moved.norm()) / 0.01, rel=1e-4),
    ]
