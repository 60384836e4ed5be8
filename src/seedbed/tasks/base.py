"""The frame of every task: one step, written once; train, validation and test only log it.

Training figures are means over the batches since the last validation, logged together with the
validation's own, so that one row of the log compares like with like. They are kept here and
not in Lightning's `self.log`, which forgets them when an epoch is interrupted and resumed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import Metric, MetricCollection

from seedbed.errors import TrainingError

MakeOptimizer = Callable[[nn.Module], Optimizer]
"""Makes an optimizer for the parameters of a net."""

MakeScheduler = Callable[[Optimizer, int], LRScheduler]
"""Makes a schedule for an optimizer and the fit's number of steps."""

PARTS = ("val", "test")


@runtime_checkable
class Observer(Protocol):
    """A schedule that follows the validation loss."""

    def observe(self, loss: float) -> None:
        """Take note of a validation's loss."""


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
    """What one example is; throughput is told in it."""

    measures: ClassVar[tuple[str, ...]] = ("loss",)
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
            if penalty < 0:
                raise ValueError(f"{name}={penalty}: expected 0 or more")
        self.l1 = l1
        self.l2 = l2
        self.metrics = nn.ModuleDict(
            {part: MetricCollection({**self.gathered()}) for part in PARTS}
        )
        self._sums: dict[str, Tensor] = {}
        self.examples = 0

    @abstractmethod
    def gathered(self) -> dict[str, Metric]:
        """New metrics for one part to gather; `figures` makes of them what is logged."""

    @abstractmethod
    def step(self, batch: Any) -> tuple[dict[str, Tensor], int]:
        """A training batch's figures, scalars, and the number of examples they are means over.

        The figure named `loss` is what training minimises, by way of `objective`.
        """

    def objective(self, loss: Tensor, count: int) -> Tensor:
        """What the optimizer minimises of a batch with this mean loss over `count` examples."""
        return loss

    def measure(self, batch: Any, metrics: MetricCollection) -> None:
        """Update `metrics` with an evaluation batch: what the net gives, and the targets."""
        inputs, targets = batch
        metrics.update(self.net(inputs), targets)

    def figures(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """What is logged of `metrics`, by the names in `measures`."""
        return metrics.compute()

    def training_step(self, batch: Any) -> Tensor:
        """Compute the loss and add the batch's figures to the running means."""
        figures, count = self.step(batch)
        # On another device a look at each step would wait for it; there the next validation looks.
        if figures["loss"].is_cpu:
            self._stop_unless_finite("training", figures["loss"], f"at step {self.global_step + 1}")
        objective = self.objective(figures["loss"], count)
        if self.l1 or self.l2:
            figures["penalty"] = self._penalty()
            objective = objective + figures["penalty"]
        for name, figure in figures.items():
            self._sums[name] = self._sums.get(name, 0.0) + figure.detach() * count
        self.examples += count
        return objective

    def validation_step(self, batch: Any) -> None:
        """Update the validation metrics."""
        self.measure(batch, self._metrics("val"))

    def test_step(self, batch: Any) -> None:
        """Update the test metrics."""
        self.measure(batch, self._metrics("test"))

    def on_validation_epoch_end(self) -> None:
        """Log training means since the last validation beside this validation's metrics."""
        # A checkpoint brings its running sums into a validation outside of a fit as well.
        if self._sums and self.trainer.state.fn == "fit":
            means = {f"train/{name}": total / self.examples for name, total in self._sums.items()}
            self._sums, self.examples = {}, 0
            self._stop_unless_finite("training", means["train/loss"], f"by step {self.global_step}")
            self.log_dict(means, sync_dist=True)
            self.log("learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        figures = self._log_metrics("val")
        if self.trainer.state.fn == "fit" and not self.trainer.sanity_checking:
            schedule: object = self.lr_schedulers()
            if isinstance(schedule, Observer):
                schedule.observe(float(figures["loss"]))

    def on_test_epoch_end(self) -> None:
        """Log the test metrics."""
        self._log_metrics("test")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Make the optimizer and its schedule over the fit's steps."""
        optimizer = self._optimizer(self.net)
        total_steps = int(self.trainer.estimated_stepping_batches)
        # That set up the training data, too early to be set back to a checkpoint's place in it;
        # let Lightning set it up again once the checkpoint is restored.
        self.trainer.fit_loop._combined_loader = None
        schedule = self._scheduler(optimizer, total_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the running means, so that a resumed fit logs the same ones."""
        checkpoint["train_means"] = {"sums": dict(self._sums), "examples": self.examples}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the running means."""
        means = checkpoint["train_means"]
        self._sums, self.examples = dict(means["sums"]), means["examples"]

    def _penalty(self) -> Tensor:
        weights = [p for p in self.net.parameters() if p.ndim > 1]
        return torch.stack(
            [self.l1 * w.abs().sum() + self.l2 * w.square().sum() for w in weights]
        ).sum()

    def _metrics(self, part: str) -> MetricCollection:
        collection = self.metrics[part]
        assert isinstance(collection, MetricCollection)
        return collection

    def _log_metrics(self, part: str) -> dict[str, Tensor]:
        metrics = self._metrics(part)
        figures = self.figures(metrics)
        metrics.reset()
        self._stop_unless_finite(part, figures["loss"], f"at step {self.global_step}")
        self.log_dict({f"{part}/{name}": figure for name, figure in figures.items()})
        # Lightning's own count of steps is one behind here; that of epochs counts on after a fit,
        # but not where a resumed run is only tested.
        epoch = max(self.trainer.fit_loop.epoch_progress.current.ready - 1, 0)
        self.log_dict({"step": float(self.global_step), "epoch": float(epoch)})
        return figures

    def _stop_unless_finite(self, part: str, loss: Tensor, when: str) -> None:
        if not loss.isfinite():
            raise TrainingError(
                f"The {part} loss is {loss.item()} {when}. "
                "Try a smaller learning rate, or trainer.gradient_clip_val=1."
            )
