from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric

from seedbed.data.loader import Loader, in_order
from seedbed.errors import TrainingError
from seedbed.tasks.base import MakeOptimizer, MakeScheduler, StepOutput, Task

Batch = tuple[Tensor, Tensor]

SIX = (4, 2, 1, 3, 5, 2)
"""Sizes of the batches of an epoch."""


def constant(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    return LambdaLR(optimizer, lambda _: 1.0)


def descent(net: nn.Module) -> SGD:
    return SGD(net.parameters(), lr=0.1)


class Line(Task):
    """Fits a line by gradient descent; remembers the loss and the size of each training batch."""

    def __init__(
        self, scheduler: MakeScheduler = constant, optimizer: MakeOptimizer = descent
    ) -> None:
        torch.manual_seed(0)
        super().__init__(nn.Linear(1, 1), optimizer=optimizer, scheduler=scheduler)
        self.losses: list[float] = []
        self.errors: list[float] = []
        self.sizes: list[int] = []

    def make_metrics(self) -> dict[str, Metric]:
        return {"loss": MeanSquaredError(), "mae": MeanAbsoluteError()}

    def step(self, batch: Batch) -> StepOutput:
        inputs, targets = batch
        outputs = self.net(inputs)
        loss = (outputs - targets).square().mean()
        self.losses.append(loss.item())
        self.errors.append((outputs - targets).abs().mean().item())
        self.sizes.append(len(inputs))
        return StepOutput(loss, len(inputs), (outputs, targets))

    def mean_loss(self, start: int, stop: int) -> float:
        """The mean over the examples of these training batches."""
        return self.mean(self.losses, start, stop)

    def mean(self, values: list[float], start: int, stop: int) -> float:
        pairs = list(zip(values, self.sizes, strict=True))[start:stop]
        return sum(value * size for value, size in pairs) / sum(size for _, size in pairs)


class History(Callback):
    """Keeps the figures logged at each validation."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.rows.append({name: float(x) for name, x in trainer.callback_metrics.items()})

    def of(self, name: str) -> list[float]:
        return [row[name] for row in self.rows]


class StoppedError(Exception):
    pass


class Stop(Callback):
    """Saves a checkpoint after some step and ends the fit there."""

    def __init__(self, step: int, path: Path) -> None:
        self.step = step
        self.path = path

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)
            raise StoppedError


def batches(*sizes: int, shift: float = 0.0) -> Loader:
    """Batches of these sizes; the last one's targets are shifted."""
    generator = torch.Generator().manual_seed(1)
    data = []
    for number, size in enumerate(sizes, start=1):
        inputs = torch.randn(size, 1, generator=generator)
        data.append((inputs, 2 * inputs + (shift if number == len(sizes) else 0.0)))
    return Loader(lambda i: data[int(i)], in_order(len(data)), size=len(data), batch_size=1)


def trainer_of(*callbacks: Callback, **settings: Any) -> Trainer:
    return Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=list(callbacks),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        inference_mode=False,
        **({"max_epochs": 1, "num_sanity_val_steps": 0} | settings),
    )


def test_train_loss_is_the_mean_over_examples_since_the_last_validation() -> None:
    task, history = Line(), History()
    trainer_of(history, max_epochs=2, val_check_interval=2).fit(
        task, batches(4, 2, 1, 3), batches(5)
    )
    expected = [task.mean_loss(start, start + 2) for start in (0, 2, 4, 6)]
    assert history.of("train/loss") == pytest.approx(expected)


def test_train_loss_is_as_precise_as_the_net() -> None:
    task, history = Line(), History()
    double = [tuple(part.double() for part in batch) for batch in batches(4, 2, 1)]
    loader = Loader(lambda i: double[int(i)], in_order(3), size=3, batch_size=1)
    trainer_of(history, precision="64-true").fit(task, loader, batches(5))
    assert history.of("train/loss") == pytest.approx([task.mean_loss(0, 3)], rel=1e-14)


def test_training_is_measured_as_validation_is_on_its_batches_since_the_last_one() -> None:
    task, history = Line(), History()
    trainer_of(history, max_epochs=2, val_check_interval=2).fit(
        task, batches(4, 2, 1, 3), batches(5)
    )
    expected = [task.mean(task.errors, start, start + 2) for start in (0, 2, 4, 6)]
    assert history.of("train/mae") == pytest.approx(expected)


def test_validations_measure_before_the_first_step_and_after_each() -> None:
    """With one batch for both, each validation's loss is that of the training step to come."""
    task, history = Line(), History()
    trainer = trainer_of(history, max_epochs=3)
    trainer.validate(task, batches(5), verbose=False)
    trainer.fit(task, batches(5), batches(5))
    assert history.of("val/loss")[:-1] == pytest.approx(task.losses)


def test_validation_before_the_fit_logs_no_training_figures() -> None:
    history = History()
    trainer_of(history).validate(Line(), batches(5), verbose=False)
    assert [set(row) for row in history.rows] == [{"val/loss", "val/mae", "step", "epoch"}]


def test_sanity_check_before_the_fit_leaves_its_figures_alone() -> None:
    histories = [History(), History()]
    for history, steps in zip(histories, (0, 2), strict=True):
        trainer_of(history, num_sanity_val_steps=steps).fit(Line(), batches(4, 2), batches(5, 3))
    without, with_check = histories
    assert with_check.rows[-1] == without.rows[-1]


def test_test_measures_all_examples_alike() -> None:
    task, sizes = Line(), (5, 1)
    trainer = trainer_of()
    trainer.test(task, batches(*sizes), verbose=False)
    for batch in batches(*sizes):
        task.step(batch)
    assert float(trainer.callback_metrics["test/loss"]) == pytest.approx(task.mean_loss(0, 2))


@pytest.mark.parametrize("shift", [nan, inf])
def test_training_loss_that_is_not_finite_stops_the_fit_at_its_step(shift: float) -> None:
    task = Line()
    with pytest.raises(TrainingError, match=f"The training loss is {shift} at step 2"):
        trainer_of(max_epochs=3).fit(task, batches(4, 2, shift=shift), batches(5))
    assert len(task.losses) == 2


def test_mean_training_loss_that_is_not_finite_stops_the_fit() -> None:
    """Each loss is finite, their sum is not: found as where a look at each would be too slow."""

    class Large(Line):
        def step(self, batch: Batch) -> StepOutput:
            return StepOutput(0 * super().step(batch).loss + 1e38, 10)

    with pytest.raises(TrainingError, match="The training loss is inf by step 4"):
        trainer_of().fit(Large(), batches(4, 2, 1, 3), batches(5))


@pytest.mark.parametrize("shift", [nan, inf])
def test_validation_loss_that_is_not_finite_stops_the_fit(shift: float) -> None:
    with pytest.raises(TrainingError, match=f"The val loss is {shift} at step 4"):
        trainer_of().fit(Line(), batches(4, 2, 1, 3), batches(5, 1, shift=shift))


def test_test_loss_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(TrainingError, match="The test loss is nan at step 0"):
        trainer_of().test(Line(), batches(5, shift=nan), verbose=False)


def test_last_gathered_batches_of_an_epoch_are_a_mean_of_as_many_as_they_are() -> None:
    data, gathered = batches(2, 2, 2, 2, 2), Line()
    trainer_of(max_epochs=2, accumulate_grad_batches=3).fit(gathered, data, batches(5))
    alone = Line()
    optimizer = SGD(alone.parameters(), lr=0.1)
    each = [*data]
    for group in (each[:3], each[3:]) * 2:
        optimizer.zero_grad()
        torch.stack([alone.step(batch).loss for batch in group]).mean().backward()
        optimizer.step()
    torch.testing.assert_close(gathered.net.state_dict(), alone.net.state_dict())


def test_schedule_is_made_for_the_steps_of_the_fit() -> None:
    asked: list[int] = []

    def scheduler(optimizer: Optimizer, total_steps: int) -> LambdaLR:
        asked.append(total_steps)
        return constant(optimizer, total_steps)

    trainer = trainer_of(max_epochs=3, accumulate_grad_batches=2)
    trainer.fit(Line(scheduler), batches(4, 2, 1, 3), batches(5))
    assert asked == [trainer.global_step] == [3 * 4 / 2]


def test_schedule_moves_at_each_step_and_its_rate_is_logged() -> None:
    def halving(optimizer: Optimizer, total_steps: int) -> LambdaLR:
        return LambdaLR(optimizer, lambda step: 0.5**step)

    history = History()
    trainer_of(history, max_epochs=2).fit(Line(halving), batches(4, 2), batches(5))
    assert history.of("learning_rate") == pytest.approx([0.1 / 4, 0.1 / 16])


def in_groups(net: nn.Module) -> SGD:
    weight, bias = net.parameters()
    return SGD(
        [
            {"params": [weight], "kind": "matrix"},
            {"params": [bias], "kind": "vector", "lr": 0.2},
            {"params": [nn.Parameter(torch.ones(1))], "kind": "head"},
        ],
        lr=0.1,
    )


def to_zero(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    return LambdaLR(optimizer, lambda _: 0.0)


@pytest.mark.parametrize(("scheduler", "factor"), [(constant, 1.0), (to_zero, 0.0)])
def test_rates_of_groups_that_have_their_own_are_logged_by_kind(
    scheduler: MakeScheduler, factor: float
) -> None:
    history, task = History(), Line(scheduler, in_groups)
    trainer_of(history).fit(task, batches(4), batches(5))
    rates = {name: x for name, x in history.rows[0].items() if name.startswith("learning_rate")}
    expected = {"learning_rate": 0.1 * factor, "learning_rate/vector": 0.2 * factor}
    assert rates == pytest.approx(expected)


def stopped_and_resumed(step: int, checkpoint: Path, *callbacks: Callback) -> Line:
    """A fit of two epochs of six steps, stopped after a step and resumed by a new task."""
    with pytest.raises(StoppedError):
        trainer_of(Stop(step, checkpoint), max_epochs=2).fit(Line(), batches(*SIX), batches(5, 1))
    task = Line()
    trainer_of(*callbacks, max_epochs=2).fit(
        task, batches(*SIX), batches(5, 1), ckpt_path=checkpoint, weights_only=True
    )
    return task


@pytest.mark.parametrize("step", [4, 9])
def test_fit_resumed_in_mid_epoch_goes_on_with_the_next_batch(step: int, tmp_path: Path) -> None:
    task = stopped_and_resumed(step, tmp_path / "last.ckpt")
    assert task.sizes == [*SIX, *SIX][step:]


@pytest.mark.parametrize("step", [4, 9])
def test_fit_resumed_in_mid_epoch_logs_the_figures_of_a_whole_one(
    step: int, tmp_path: Path
) -> None:
    whole, resumed = History(), History()
    trainer_of(whole, max_epochs=2).fit(Line(), batches(*SIX), batches(5, 1))
    stopped_and_resumed(step, tmp_path / "last.ckpt", resumed)
    assert resumed.rows == whole.rows[step // 6 :]


def test_validation_of_a_checkpoint_from_mid_epoch_logs_no_training_figures(tmp_path: Path) -> None:
    checkpoint, history = tmp_path / "last.ckpt", History()
    with pytest.raises(StoppedError):
        trainer_of(Stop(1, checkpoint)).fit(Line(), batches(4, 2), batches(5))
    trainer_of(history).validate(
        Line(), batches(5), ckpt_path=checkpoint, weights_only=True, verbose=False
    )
    assert [set(row) for row in history.rows] == [{"val/loss", "val/mae", "step", "epoch"}]
