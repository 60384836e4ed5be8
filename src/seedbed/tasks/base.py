"""The frame of every task: one step, written once; train, validation and test only log it.

Training figures are of the batches since the last validation, as the net saw them, and are logged
together with the validation's own, so that one row of the log compares like with like. They are
kept here and not in Lightning's `self.log`, which forgets them when an epoch is interrupted and
resumed; of several processes each keeps those of its share, and a validation adds them up.
Trade-off: the memory for an epoch's predictions, where a task has its training measured.

Loss and learning rate of single batches are kept beside them, one of each `log_every_n_steps`, on
the device they are on, and are handed to the loggers with a validation or a checkpoint. So a step
waits for nothing, and a resumed fit's series has neither gap nor double.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.plugins.precision import Precision
from lightning.pytorch.utilities.enums import GradClipAlgorithmType
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import Metric, MetricCollection

from seedbed.errors import TrainingError
from seedbed.lightning_private import forget_training_data, is_logged
from seedbed.processes.distributed import all_gather, all_reduce_sum, rank, size
from seedbed.tasks.intervals import bootstrap
from seedbed.tasks.predictions import Predictions

MakeOptimizer = Callable[[nn.Module], Optimizer]
"""Makes an optimizer for the parameters of a net."""

MakeScheduler = Callable[[Optimizer, int], LRScheduler]
"""Makes a schedule for an optimizer and the fit's number of steps."""

PARTS = ("val", "test")


@dataclass(frozen=True)
class StepOutput:
    """The figures of a training batch."""

    loss: Tensor
    """The mean over its examples, a scalar."""
    count: int
    """The number of its examples."""
    predicted: tuple[Tensor, Tensor] | None = None
    """What the net gave, and the targets, where training is measured as validation is."""
    objective: Tensor | None = None
    """What training minimises in place of the loss: likewise a mean over the examples, a scalar."""


def _share(step: StepOutput) -> tuple[Tensor, float | Tensor]:
    """A batch's mean to minimise, and its count, such that their mean over processes is right.

    It is that of the whole batch: processes' shares may differ in size, and each weighs by its own.
    """
    mean = step.loss if step.objective is None else step.objective
    if size() == 1:
        return mean, step.count
    total = all_reduce_sum(mean.new_tensor(step.count))
    return mean * (step.count * size() / total), total


def _seen(figure: Tensor) -> float | Tensor:
    """A figure as a number, but where a look at it would wait for the device it is on."""
    return figure.item() if figure.is_cpu else figure.detach()


@dataclass(frozen=True)
class Batch:
    """A training batch as the loggers get it."""

    step: int
    """The step it was for, counted from 1."""
    loss: float | Tensor
    count: int
    learning_rate: float


@runtime_checkable
class Observer(Protocol):
    """A schedule that follows a metric of the validations."""

    watched: str
    """The metric's name."""

    def observe(self, value: float) -> None:
        """Take note of a validation's value."""


def net_of(module: LightningModule) -> nn.Module:
    """The network that a module trains: its `net`; a module that brings its own is one itself."""
    return module.net if isinstance(module, Task) else module


class Task(LightningModule, ABC):
    """A net with a loss, metrics, an optimizer and a schedule.

    Args:
        net: The network.
        optimizer: Makes the optimizer for the net.
        scheduler: Makes the schedule from an optimizer and the fit's number of steps.
        l1: λ of the penalty λΣ|w| on all weights that are not biases or of norms. The penalties are
            minimised with the loss and logged apart from it, as `train/penalty`.
        l2: λ of the penalty λΣw²; for plain SGD the same as a weight decay of 2λ.
    """

    kind: ClassVar[str]
    """What it is called in `conf/task`; the data's targets must be of the same kind."""

    unit: ClassVar[str] = "rows"
    """What one example is; the unit of throughput."""

    metric_names: ClassVar[tuple[str, ...]] = ("loss",)
    """The names of the figures of validation and test."""

    headline: ClassVar[tuple[str, ...]] = ()
    """Those figures beside the losses that are worth a column on the terminal."""

    def __init__(
        self,
        net: nn.Module,
        *,
        optimizer: MakeOptimizer,
        scheduler: MakeScheduler,
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        super().__init__()
        self.net = net
        self._optimizer = optimizer
        self._scheduler = scheduler
        for name, penalty in (("l1", l1), ("l2", l2)):
            if not penalty >= 0:
                raise ValueError(f"{name}={penalty}: expected 0 or more")
        self.l1 = l1
        self.l2 = l2
        self.metrics = nn.ModuleDict(
            {part: MetricCollection({**self.make_metrics()}) for part in PARTS}
        )
        self.test_intervals: dict[str, float] = {}
        self._sums: dict[str, float | Tensor] = {}
        self._predicted: list[tuple[Tensor, Tensor]] = []
        self._batches: list[Batch] = []
        self.examples = 0

    def make_metrics(self) -> dict[str, Metric]:
        """New metrics for one part to gather; `compute_metrics` makes of them what is logged.

        Here all that the net gives, and all targets.
        """
        return {"predictions": Predictions()}

    def configure_from_data(self, data: Any) -> None:
        """Take from the data what net and figures want to know of it; most want nothing."""

    def outputs(self, inputs: Tensor) -> Tensor:
        """What the net gives, in single precision at least, so that no loss is rounded."""
        given: Tensor = self.net(inputs)
        return given.float() if given.itemsize < 4 else given

    @abstractmethod
    def step(self, batch: Any) -> StepOutput:
        """The figures of a training batch; `objective` makes of it what is minimised."""

    def objective(self, loss: Tensor, count: float | Tensor) -> Tensor:
        """What the optimizer minimises of a batch with this mean over `count` examples."""
        return loss

    def measure(self, batch: Any, metrics: MetricCollection) -> None:
        """Update `metrics` with an evaluation batch: what the net gives, and the targets."""
        inputs, targets = batch
        metrics.update(self.outputs(inputs), targets)

    def compute_metrics(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """What is logged of `metrics`, by the names in `metric_names`."""
        return metrics.compute()

    def describe_outputs(self, outputs: Tensor, data: Any) -> dict[str, list[Any]]:
        """What a prediction shows of the net's outputs (N, …): columns of N values by their names.

        Args:
            outputs: The outputs.
            data: The DataModule, which knows scale and labels.
        """
        columns = outputs.flatten(1).T.tolist()
        return {f"output_{number}": column for number, column in enumerate(columns)}

    def per_example(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Those figures that are means over examples, if to first order, of each example (N,)."""
        return {}

    def of_loss(self, loss: Tensor) -> dict[str, Tensor]:
        """What follows from a mean loss alone; logged of the training where nothing else is."""
        return {}

    def training_step(self, batch: Any) -> Tensor:
        """Compute the loss; add it to the running means, and what was predicted to the rest."""
        step = self.step(batch)
        figures = {"loss": step.loss}
        objective = self.objective(*_share(step))
        loss = _seen(step.loss)
        self._keep(loss, step.count)
        # On another device a look at each step would wait for it; there the next validation looks.
        if objective.is_cpu:
            self._stop_unless_finite("training", objective)
        if self.l1 or self.l2:
            figures["penalty"] = self._penalty()
            objective = objective + figures["penalty"]
        for name, figure in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + _seen(figure) * step.count
        self.examples += step.count
        if step.predicted:
            outputs, targets = step.predicted
            self._predicted.append((outputs.detach(), targets))
        factor = self._of_group()
        return objective if factor == 1 else objective * factor

    def _keep(self, loss: float | Tensor, count: int) -> None:
        """Keep the batch for the loggers, if it is one of those; the first always is."""
        trainer = self._attached()
        if not trainer or not is_logged(trainer):
            return
        step = trainer.global_step + 1
        # Gathered gradients have several batches a step, and a search several tries.
        if not (self._batches and self._batches[-1].step == step):
            rate = trainer.optimizers[0].param_groups[0]["lr"]
            self._batches.append(Batch(step, loss, count, float(rate)))

    def _log_batches(self) -> None:
        """Hand the kept batches to the loggers, each loss the mean over all processes' shares."""
        batches, self._batches = self._batches, []
        if not batches:
            return
        dtype = torch.float64 if self.dtype == torch.float64 else torch.float32
        losses = torch.stack([torch.as_tensor(one.loss, dtype=dtype) for one in batches])
        if size() > 1:
            counts = losses.new_tensor([one.count for one in batches])
            losses = all_reduce_sum(losses * counts) / all_reduce_sum(counts)
        for one, loss in zip(batches, losses.tolist(), strict=True):
            row = {"batches/loss": loss, "batches/learning_rate": one.learning_rate}
            for logger in self.trainer.loggers:
                logger.log_metrics(row, one.step)

    def _of_group(self) -> float:
        """What makes a mean of gathered gradients where an epoch's last batches are fewer.

        Lightning divides them by the whole number as well.
        """
        trainer = self._attached()
        if not trainer or (gathered := trainer.accumulate_grad_batches) == 1:
            return 1.0
        if math.isinf(batches := trainer.num_training_batches):
            return 1.0
        rest = int(batches) % gathered
        is_last = trainer.fit_loop.epoch_loop.batch_idx >= batches - rest
        return gathered / rest if rest and is_last else 1.0

    def _attached(self) -> Trainer | None:
        """The Trainer; a step that is called by hand has none."""
        try:
            return self.trainer
        except RuntimeError:
            return None

    def validation_step(self, batch: Any) -> None:
        """Update the validation metrics."""
        self.measure(batch, self._metrics("val"))

    def test_step(self, batch: Any) -> None:
        """Update the test metrics."""
        self.measure(batch, self._metrics("test"))

    def on_validation_epoch_end(self) -> None:
        """Log training figures since the last validation beside this validation's metrics."""
        # A checkpoint brings its running sums into a validation outside of a fit as well.
        if self._sums and self.trainer.state.fn == "fit":
            examples = sum(all_gather(self.examples))
            dtype = torch.float64 if self.dtype == torch.float64 else torch.float32
            means = {
                name: all_reduce_sum(torch.as_tensor(total, dtype=dtype, device=self.device))
                / examples
                for name, total in self._sums.items()
            }
            self._stop_unless_finite("training", means["loss"], f"by step {self.global_step}")
            training = self._training_figures() | self.of_loss(means["loss"]) | means
            training |= self._gradient_norm()
            self._sums, self._predicted, self.examples = {}, [], 0
            self.log_dict({f"train/{name}": x for name, x in training.items()})
            self.log_dict(self._learning_rates())
            self._log_batches()
        figures = self._log_metrics("val")
        if self.trainer.state.fn == "fit" and not self.trainer.sanity_checking:
            schedule: object = self.lr_schedulers()
            if isinstance(schedule, Observer):
                schedule.observe(float(figures[schedule.watched]))

    def on_validation_model_zero_grad(self) -> None:
        """Leave the last step's gradient to what looks at it in a validation.

        Lightning would free it there; the next step does.
        """

    def on_test_epoch_end(self) -> None:
        """Log the test metrics, and keep their intervals, `low/test/loss` and so on."""
        self.test_intervals = self._intervals(self.per_example(self._metrics("test")))
        self._log_metrics("test")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Make the optimizer and its schedule over the fit's steps."""
        optimizer = self._optimizer(self.net)
        total_steps = int(self.trainer.estimated_stepping_batches)
        # That set up the training data, too early to be set back to a checkpoint's place in it;
        # let Lightning set it up again once the checkpoint is restored.
        forget_training_data(self.trainer)
        schedule = self._scheduler(optimizer, total_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": schedule,
                "interval": "step",
                "reduce_on_plateau": False,  # such a schedule is an `Observer`
            },
        }

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip as the Trainer is set to, a fused optimizer's gradients too.

        In mixed precision Lightning refuses those, as a loss scaler forbids; bfloat16 has none.
        """
        precision = self.trainer.precision_plugin
        if precision.precision == "bf16-mixed":
            algorithm = GradClipAlgorithmType(gradient_clip_algorithm or "norm")
            Precision.clip_gradients(precision, optimizer, gradient_clip_val or 0.0, algorithm)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what is running since the last validation, so that a resumed fit logs the same.

        Single batches go to the loggers now: they stand in the logs up to the checkpoint's step.
        """
        self._log_batches()
        checkpoint["running"] = all_gather(
            {
                "sums": {name: float(total) for name, total in self._sums.items()},
                "predicted": [
                    (outputs.cpu(), targets.cpu()) for outputs, targets in self._predicted
                ],
                "examples": self.examples,
            }
        )

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore this process's."""
        running = checkpoint["running"][rank()]
        self._sums, self.examples = dict(running["sums"]), running["examples"]
        self._predicted = list(running["predicted"])
        self._training_figures()  # which refuses outputs or targets that cannot be measured

    def _training_figures(self) -> dict[str, Tensor]:
        """What validation measures, of the training batches as the net saw them."""
        if not self._predicted:
            return {}
        metrics = MetricCollection({**self.make_metrics()}).to(self.device)
        for outputs, targets in self._predicted:
            metrics.update(outputs.to(self.device), targets.to(self.device))
        return self.compute_metrics(metrics)

    def _gradient_norm(self) -> dict[str, Tensor]:
        """That of the last step's gradient, which is still there; empty where there is none."""
        gradients = [p.grad for p in self.net.parameters() if p.grad is not None]
        return {"gradient_norm": get_total_norm(gradients)} if gradients else {}

    def _learning_rates(self) -> dict[str, float]:
        """The first group's rate, and those of the groups that have or had others, by kind."""
        first, *others = self.trainer.optimizers[0].param_groups
        return {"learning_rate": first["lr"]} | {
            f"learning_rate/{group.get('name', group['kind'])}": group["lr"]
            for group in others
            if (group.get("initial_lr"), group["lr"]) != (first.get("initial_lr"), first["lr"])
        }

    def _penalty(self) -> Tensor:
        weights = [p for p in self.net.parameters() if p.ndim > 1 and p.requires_grad]
        return torch.stack(
            [self.l1 * w.abs().sum() + self.l2 * w.square().sum() for w in weights]
        ).sum()

    def _intervals(self, examples: dict[str, Tensor]) -> dict[str, float]:
        found: dict[str, float] = {}
        if examples:
            ends = bootstrap(torch.stack([*examples.values()], dim=1))
            for end, values in zip(("low", "high"), ends, strict=True):
                figures: dict[str, Any] = dict(zip(examples, values, strict=True))
                if "loss" in figures:  # one of someone's own may be no mean of the examples'
                    figures |= self.of_loss(torch.tensor(figures["loss"], dtype=torch.float64))
                found |= {f"{end}/test/{name}": float(figure) for name, figure in figures.items()}
        return found

    def kept_predictions(self, part: str) -> tuple[Tensor, Tensor]:
        """What the net gave for a part so far, and the targets, of a task that keeps them."""
        found: tuple[Tensor, Tensor] = self._metrics(part)["predictions"].compute()
        return found

    def _metrics(self, part: str) -> MetricCollection:
        collection = self.metrics[part]
        assert isinstance(collection, MetricCollection)
        return collection

    def _log_metrics(self, part: str) -> dict[str, Tensor]:
        metrics = self._metrics(part)
        figures = self.compute_metrics(metrics)
        metrics.reset()
        self._stop_unless_finite(part, figures["loss"], f"at step {self.global_step}")
        self.log_dict({f"{part}/{name}": figure for name, figure in figures.items()})
        # Lightning's own count of steps is one behind here; that of epochs counts on after a fit,
        # but not where a resumed run is only tested.
        epoch = max(self.trainer.fit_loop.epoch_progress.current.ready - 1, 0)
        self.log_dict({"step": float(self.global_step), "epoch": float(epoch)})
        return figures

    def _stop_unless_finite(self, part: str, loss: Tensor, when: str = "") -> None:
        value = loss.item()  # one operation, where `isfinite` takes four
        if not math.isfinite(value):
            if size() == 1:
                self._log_batches()  # the way there
            when = when or f"at step {self.global_step + 1}"
            raise TrainingError(
                f"The {part} loss is {value} {when}. "
                "Try a smaller learning rate, or trainer.gradient_clip_val=1."
            )
