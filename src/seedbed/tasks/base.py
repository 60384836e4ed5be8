"""The frame of every task: one step, written once; train, validation and test only log it.

Training figures are means over the batches since the last validation, logged together with the
validation's own, so that one row of the log compares like with like. They are kept here and
not in Lightning's `self.log`, which forgets them when an epoch is interrupted and resumed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

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


class Task(LightningModule, ABC):
    """A net with a loss, metrics, an optimizer and a schedule.

    Args:
        net: The network.
        optimizer: Makes the optimizer for the net.
        scheduler: Makes the schedule from an optimizer and the fit's number of steps.
        metrics: What validation and test measure; one of them is `loss`.
    """

    unit: ClassVar[str] = "rows"
    """What one example is; throughput is told in it."""

    measures: ClassVar[tuple[str, ...]] = ("loss",)
    """The names of the figures of validation and test."""

    headline: ClassVar[tuple[str, ...]] = ()
    """Those beside the loss that are worth a column on the terminal."""

    def __init__(
        self,
        net: nn.Module,
        *,
        optimizer: MakeOptimizer,
        scheduler: MakeScheduler,
        metrics: Mapping[str, Metric],
    ) -> None:
        super().__init__()
        self.net = net
        self._optimizer = optimizer
        self._scheduler = scheduler
        self.metrics = nn.ModuleDict(
            {part: MetricCollection(dict(metrics)).clone(prefix=f"{part}/") for part in PARTS}
        )
        self._loss_sum: Tensor | None = None
        self.examples = 0

    @abstractmethod
    def step(self, batch: Any) -> tuple[Tensor, int]:
        """The loss of a training batch, a scalar, and the number of examples it is a mean over."""

    @abstractmethod
    def measure(self, batch: Any, metrics: MetricCollection) -> None:
        """Update `metrics` with an evaluation batch."""

    def figures(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """What is logged of `metrics`; a task may derive further figures."""
        return metrics.compute()

    def training_step(self, batch: Any) -> Tensor:
        """Compute the loss and add it to the running means."""
        loss, count = self.step(batch)
        total = loss.detach() * count
        self._loss_sum = total if self._loss_sum is None else self._loss_sum + total
        self.examples += count
        return loss

    def validation_step(self, batch: Any) -> None:
        """Update the validation metrics."""
        self.measure(batch, self._metrics("val"))

    def test_step(self, batch: Any) -> None:
        """Update the test metrics."""
        self.measure(batch, self._metrics("test"))

    def on_validation_epoch_end(self) -> None:
        """Log training means since the last validation beside this validation's metrics."""
        if self._loss_sum is not None:
            loss = self._loss_sum / self.examples
            self._loss_sum, self.examples = None, 0
            self._stop_unless_finite("training", loss)
            self.log("train/loss", loss, sync_dist=True)
            self.log("learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Log the test metrics."""
        self._log_metrics("test")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Make the optimizer and its schedule over the fit's steps."""
        optimizer = self._optimizer(self.net)
        total_steps = int(self.trainer.estimated_stepping_batches)
        schedule = self._scheduler(optimizer, total_steps)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the running means, so that a resumed fit logs the same ones."""
        checkpoint["train_means"] = {"loss_sum": self._loss_sum, "examples": self.examples}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the running means."""
        means = checkpoint["train_means"]
        self._loss_sum, self.examples = means["loss_sum"], means["examples"]

    def _metrics(self, part: str) -> MetricCollection:
        collection = self.metrics[part]
        assert isinstance(collection, MetricCollection)
        return collection

    def _log_metrics(self, part: str) -> None:
        metrics = self._metrics(part)
        figures = self.figures(metrics)
        metrics.reset()
        self._stop_unless_finite(part, figures[f"{part}/loss"])
        self.log_dict(figures)

    def _stop_unless_finite(self, part: str, loss: Tensor) -> None:
        if not loss.isfinite():
            raise TrainingError(
                f"The {part} loss is {loss.item()} at step {self.global_step}. "
                "Try a smaller learning rate, or trainer.gradient_clip_val=1."
            )
