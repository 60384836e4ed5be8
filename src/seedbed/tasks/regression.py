"""Regression: the mean squared error is the loss; absolute error and R² stand beside it."""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric, MetricCollection
from torchmetrics import functional as measured

from seedbed.errors import SettingError
from seedbed.tasks.base import MakeOptimizer, MakeScheduler, StepOutput, Task
from seedbed.tasks.predictions import Predictions


class RegressionTask(Task):
    """Fits a net to targets (B, 1) by the squared error.

    Args:
        net: Maps inputs (B, …) to predictions (B, 1).
        optimizer, scheduler, l1, l2: As of every `Task`.
        reduction: Whether training minimises a batch's `mean` squared error or its `sum`, whose
            gradient grows with the batch. The loss that is logged is the mean either way.
    """

    kind: ClassVar = "regression"
    metric_names: ClassVar = ("loss", "mse", "mae", "r2")
    headline: ClassVar = ("val/mae", "val/r2")

    def __init__(
        self,
        net: nn.Module,
        *,
        optimizer: MakeOptimizer,
        scheduler: MakeScheduler,
        l1: float = 0.0,
        l2: float = 0.0,
        reduction: Literal["mean", "sum"] = "mean",
    ) -> None:
        super().__init__(net, optimizer=optimizer, scheduler=scheduler, l1=l1, l2=l2)
        self.reduction = reduction
        # What the data divides its targets by; figures are in the target's own units.
        self.deviation = 1.0

    def configure_from_data(self, data: Any) -> None:
        """Take over what the data divides its targets by."""
        _, self.deviation = getattr(data, "target_scale", (0.0, 1.0))

    def setup(self, stage: str) -> None:
        """Take it over, also where another Trainer only evaluates."""
        self.configure_from_data(getattr(self.trainer, "datamodule", None))

    def make_metrics(self) -> dict[str, Metric]:
        """All predictions and targets."""
        return {"predictions": Predictions()}

    def step(self, batch: tuple[Tensor, Tensor]) -> StepOutput:
        """Mean squared error of a batch."""
        predictions, targets = self._predictions(batch)
        loss = F.mse_loss(predictions, targets) * self.deviation**2
        return StepOutput(loss, len(targets), (predictions, targets))

    def measure(self, batch: tuple[Tensor, Tensor], metrics: MetricCollection) -> None:
        """Gather predictions and targets."""
        metrics.update(*self._predictions(batch))

    def _predictions(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Predictions and targets (B, 1).

        Raises:
            SettingError: If they are not of one shape: torch would take the difference of every
                prediction and every target.
        """
        inputs, targets = batch
        predictions: Tensor = self.net(inputs)
        if predictions.shape != targets.shape:
            raise SettingError(
                f"net: its predictions {[*predictions.shape]} and the data's targets "
                f"{[*targets.shape]} are not of one shape; a regression's are [rows, 1]."
            )
        return predictions, targets

    def describe_outputs(self, outputs: Tensor, data: Any) -> dict[str, list[Any]]:
        """The prediction (N, 1) in the target's own unit."""
        mean, deviation = data.target_scale
        return {"prediction": (mean + deviation * outputs[:, 0]).tolist()}

    def objective(self, loss: Tensor, count: float | Tensor) -> Tensor:
        """The mean or the sum of the squared errors, as the net sees them."""
        loss = loss / self.deviation**2
        return loss if self.reduction == "mean" else loss * count

    def compute_metrics(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Everything in `metric_names`; the loss also goes by its own name, MSE."""
        predictions, targets = (column.flatten() for column in metrics["predictions"].compute())
        loss = F.mse_loss(predictions, targets) * self.deviation**2
        # R² as torchmetrics has it subtracts large sums; around a mean of 0 it loses no digits.
        mean = targets.mean()
        return {
            "loss": loss,
            "mse": loss,
            "mae": F.l1_loss(predictions, targets) * self.deviation,
            "r2": (
                measured.r2_score(predictions - mean, targets - mean)
                if len(targets) > 1
                else torch.tensor(torch.nan, device=loss.device)  # of a single row there is none
            ),
        }

    def per_example(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Squared and absolute error of each row."""
        predictions, targets = (column.flatten() for column in metrics["predictions"].compute())
        errors = (predictions - targets) * self.deviation
        return {"loss": errors.square(), "mse": errors.square(), "mae": errors.abs()}
