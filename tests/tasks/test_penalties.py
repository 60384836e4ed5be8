"""What a fit minimises beside the loss, and in what steps: penalties, sums, clipping, batches."""

import math
from pathlib import Path
from typing import Any

import made
import pytest
import torch
from made import rows_of, weights_of
from torch import Tensor, nn

from seedbed.errors import SettingError
from seedbed.record.directory import RunDirectory
from seedbed.tasks.regression import RegressionTask

LINE = ["logger=csv", "print_every=1000", "data.held_out=20", "max_epochs=3"]


def executed(folder: Path, *overrides: str) -> RunDirectory:
    return made.executed(folder, *LINE, *overrides)


def step_of(run: RunDirectory) -> int:
    step: int = torch.load(run.last, weights_only=True)["global_step"]
    return step


def weights(folder: Path, *overrides: str) -> dict[str, Tensor]:
    return weights_of(executed(folder, *overrides).last)


def initial_weights(folder: Path) -> dict[str, Tensor]:
    """Of a fit with a rate of 0."""
    return weights(folder, "optimizer.lr=0.0")


def rows(run: RunDirectory) -> list[dict[str, str]]:
    return rows_of(run.path / "metrics.csv", "train/loss")


def task_of(net: nn.Module, **settings: Any) -> RegressionTask:
    def unused(*arguments: Any) -> Any:
        raise AssertionError

    return RegressionTask(net, optimizer=unused, scheduler=unused, **settings)


def gradient(**settings: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Weight, its gradient and the bias's in one training step of a linear net."""
    net = nn.Linear(3, 1)
    net.weight.data = torch.tensor([[2.0, -0.5, 0.0]])
    batch = torch.ones(4, 3), torch.arange(4.0)[:, None]
    task_of(net, **settings).training_step(batch).backward()
    assert net.weight.grad is not None
    assert net.bias.grad is not None
    return net.weight.data, net.weight.grad, net.bias.grad


# --- penalties ------------------------------------------------------------------------------------


def test_l1_adds_its_sign_times_lambda_to_the_gradient_of_weights_alone() -> None:
    torch.manual_seed(0)
    weight, plain_weight, plain_bias = gradient()
    torch.manual_seed(0)
    _, penalised_weight, penalised_bias = gradient(l1=0.25)
    torch.testing.assert_close(penalised_weight - plain_weight, 0.25 * weight.sign())
    torch.testing.assert_close(penalised_bias, plain_bias)


def test_l2_adds_twice_lambda_times_the_weight_to_the_gradient() -> None:
    torch.manual_seed(0)
    weight, without, _ = gradient()
    torch.manual_seed(0)
    _, with_l2, _ = gradient(l2=0.25)
    torch.testing.assert_close(with_l2 - without, 2 * 0.25 * weight)


def test_l2_of_lambda_is_a_weight_decay_of_twice_lambda_under_sgd(tmp_path: Path) -> None:
    penalised = weights(tmp_path / "penalised", "task.l2=0.05")
    decayed = weights(tmp_path / "decayed", "optimizer.weight_decay=0.1")
    neither = weights(tmp_path / "neither")
    for name in decayed:
        torch.testing.assert_close(penalised[name], decayed[name])
    assert not torch.allclose(penalised["net.head.weight"], neither["net.head.weight"], rtol=1e-3)


def test_penalty_is_logged_apart_and_kept_out_of_every_loss(tmp_path: Path) -> None:
    still = ["optimizer.lr=0.0", "max_epochs=1"]
    plain_row, row = (
        rows(executed(tmp_path / name, *still, *penalties))[0]
        for name, penalties in (("plain", []), ("penalised", ["task.l1=0.5", "task.l2=0.25"]))
    )
    for name in ("train/loss", "val/loss"):
        assert row[name] == plain_row[name]
    assert "train/penalty" not in plain_row
    matrices = [w for w in initial_weights(tmp_path / "initial").values() if w.ndim > 1]
    expected = sum(0.5 * w.abs().sum() + 0.25 * w.square().sum() for w in matrices)
    assert float(row["train/penalty"]) == pytest.approx(float(expected))


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_negative_penalty_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=f"{name}=-1: expected 0 or more"):
        executed(tmp_path, f"task.{name}=-1")


# --- the sum and the mean -------------------------------------------------------------------------


def test_sum_has_the_gradient_of_the_mean_times_the_rows() -> None:
    torch.manual_seed(0)
    _, mean, _ = gradient()
    torch.manual_seed(0)
    _, total, _ = gradient(reduction="sum")
    torch.testing.assert_close(total, 4 * mean)


def test_logged_loss_is_the_mean_where_the_sum_is_minimised(tmp_path: Path) -> None:
    still = ["optimizer.lr=0.0", "max_epochs=1"]
    mean, total = (
        rows(executed(tmp_path / name, *still, f"task.reduction={name}"))[0]
        for name in ("mean", "sum")
    )
    assert (total["train/loss"], total["val/loss"]) == (mean["train/loss"], mean["val/loss"])


# --- R² -------------------------------------------------------------------------------------------


def test_r2_keeps_its_digits_where_the_targets_mean_is_large() -> None:
    generator = torch.Generator().manual_seed(0)
    small = torch.randn(1000, 1, generator=generator)
    errors = 0.1 * torch.randn(1000, 1, generator=generator)
    targets, predictions = 1e4 + small, 1e4 + small + errors
    task = task_of(nn.Identity())
    task.validation_step((predictions, targets))
    figures = task.compute_metrics(task.metrics["val"])  # type: ignore[arg-type]
    t, p = targets.double(), predictions.double()
    expected = 1 - (t - p).square().sum() / (t - t.mean()).square().sum()
    assert float(figures["r2"]) == pytest.approx(float(expected), abs=1e-4)


def test_r2_of_a_single_row_is_not_a_number() -> None:
    task = task_of(nn.Identity())
    task.validation_step((torch.ones(1, 1), torch.ones(1, 1)))
    assert math.isnan(task.compute_metrics(task.metrics["val"])["r2"])  # type: ignore[arg-type]


# --- batches, clipping, accumulation --------------------------------------------------------------


@pytest.mark.parametrize(("size", "steps"), [("full", 3), (100, 3), (1, 300), (32, 12)])
def test_batch_size_sets_the_number_of_steps(size: Any, steps: int, tmp_path: Path) -> None:
    assert step_of(executed(tmp_path, f"data.batch_size={size}", "optimizer.lr=1e-4")) == steps


def test_one_batch_of_all_rows_is_the_full_batch(tmp_path: Path) -> None:
    full, hundred = (
        weights(tmp_path / size, f"data.batch_size={size}") for size in ("full", "100")
    )
    for name in full:
        torch.testing.assert_close(full[name], hundred[name], rtol=1e-4, atol=1e-5)


def test_clipped_step_is_no_longer_than_the_rate_times_the_limit(tmp_path: Path) -> None:
    one = ["max_epochs=1", "optimizer.lr=0.5", "trainer.gradient_clip_val=0.01"]
    before, after = initial_weights(tmp_path / "before"), weights(tmp_path / "run", *one)
    moved = torch.cat([(after[name] - before[name]).flatten() for name in before])
    assert float(moved.norm()) == pytest.approx(0.5 * 0.01, rel=1e-3)


def test_gathered_gradients_make_the_step_of_the_whole_batch(tmp_path: Path) -> None:
    quarters = ["data.batch_size=25", "trainer.accumulate_grad_batches=4"]
    gathered, whole = executed(tmp_path / "gathered", *quarters), executed(tmp_path / "whole")
    assert step_of(gathered) == step_of(whole) == 3
    for name, expected in weights_of(whole.last).items():
        torch.testing.assert_close(weights_of(gathered.last)[name], expected, rtol=1e-4, atol=1e-5)
