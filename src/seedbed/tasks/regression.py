"""Regression by the squared error or another loss; MSE, RMSE, MAE and R² are its metrics."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MetricCollection
from torchmetrics import functional as measured

from seedbed.errors import SettingError
from seedbed.tasks.base import MakeOptimizer, MakeScheduler, StepOutput, Task
from seedbed.tasks.intervals import first_order
from seedbed.tasks.losses import Loss, chosen
from seedbed.tasks.metrics import ExtraMetrics, MakeMetric

Named = Literal["mse", "l1", "huber"]

NAMED: dict[str, Loss] = {"mse": F.mse_loss, "l1": F.l1_loss, "huber": F.huber_loss}

POWERS = {"mse": 2, "l1": 1}
"""By which power of the target's unit these grow; others are of targets as the net sees them."""


class RegressionTask(Task):
    """Fits a net to targets (B, 1).

    Args:
        net: Maps inputs (B, …) to predictions (B, 1).
        optimizer, scheduler, l1, l2: As of every `Task`.
        loss: What is minimised, and logged as the loss: `mse`, `l1` or `huber`, or any other. The
            first two are logged in the target's own unit where the data scales its targets.
        metrics: More metrics by names of their own; they see predictions and targets (N,).
        reduction: Whether training minimises a batch's `mean` loss or its `sum`, whose gradient
            grows with the batch. The loss that is logged is the mean either way.
    """

    kind: ClassVar = "regression"
    metric_names: ClassVar = ("loss", "mse", "rmse", "mae", "r2")
    headline: ClassVar = ("val/mae", "val/r2")

    def __init__(
        self,
        net: nn.Module,
        *,
        optimizer: MakeOptimizer,
        scheduler: MakeScheduler,
        l1: float = 0.0,
        l2: float = 0.0,
        loss: Named | Loss = "mse",
        metrics: Mapping[str, MakeMetric] | None = None,
        reduction: Literal["mean", "sum"] = "mean",
    ) -> None:
        super().__init__(net, optimizer=optimizer, scheduler=scheduler, l1=l1, l2=l2)
        some = torch.tensor([[0.5], [2.0], [1.0]]), torch.tensor([[1.0], [1.5], [3.0]])
        self.loss = chosen(loss, NAMED, *some)
        self._power = POWERS.get(loss, 0) if isinstance(loss, str) else 0
        self.extra = ExtraMetrics(
            metrics,
            beside=self.metric_names,
            task=self.kind,
            predictions=some[0].flatten(),
            targets=some[1].flatten(),
        )
        self.reduction = reduction
        # What the data scales its targets by; figures are in the target's own units.
        self.mean, self.deviation = 0.0, 1.0

    def configure_from_data(self, data: Any) -> None:
        """Take over what the data scales its targets by."""
        self.mean, self.deviation = getattr(data, "target_scale", (0.0, 1.0))

    def setup(self, stage: str) -> None:
        """Take it over, also where another Trainer only evaluates."""
        self.configure_from_data(getattr(self.trainer, "datamodule", None))

    def step(self, batch: tuple[Tensor, Tensor]) -> StepOutput:
        """Mean loss of a batch."""
        predictions, targets = self._predictions(batch)
        loss = self.loss(predictions, targets) * self.deviation**self._power
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
        predictions = self.outputs(inputs)
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
        """The mean or the sum of the losses, as the net sees them."""
        loss = loss / self.deviation**self._power
        return loss if self.reduction == "mean" else loss * count

    def compute_metrics(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Everything in `metric_names`, and the run's own metrics."""
        predictions, targets = metrics["predictions"].compute()  # (N, 1)
        loss = self.loss(predictions, targets) * self.deviation**self._power
        predictions, targets = predictions.flatten(), targets.flatten()  # (N,)
        mse = F.mse_loss(predictions, targets) * self.deviation**2
        # R² as torchmetrics has it subtracts large sums; around a mean of 0 it loses no digits.
        mean = targets.mean()
        return {
            "loss": loss,
            "mse": mse,
            "rmse": mse.sqrt(),
            "mae": F.l1_loss(predictions, targets) * self.deviation,
            "r2": (
                measured.r2_score(predictions - mean, targets - mean)
                if len(targets) > 1
                else torch.tensor(torch.nan, device=loss.device)  # of a single row there is none
            ),
        } | self.extra.compute(
            predictions * self.deviation + self.mean, targets * self.deviation + self.mean
        )

    def per_example(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """All figures of each row, and the loss where it is the squared or absolute error."""
        predictions, targets = map(torch.flatten, metrics["predictions"].compute())
        errors = (predictions - targets) * self.deviation
        each = {"mse": errors.square(), "mae": errors.abs()}
        named: dict[Loss, str] = {F.mse_loss: "mse", F.l1_loss: "mae"}
        loss = named.get(self.loss)

        def measure(squared: Tensor, targets: Tensor, weights: Tensor) -> dict[str, Tensor]:
            mse, mean = ((weights * x).sum() / weights.sum() for x in (squared, targets))
            spread = (weights * (targets - mean).square()).sum() / weights.sum()
            return {"rmse": mse.sqrt(), "r2": 1 - mse / (spread * self.deviation**2)}

        return (
            ({"loss": each[loss]} if loss else {})
            | each
            | first_order(measure, each["mse"], targets)
        )
