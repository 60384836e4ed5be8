"""Regression: the mean squared error is the loss; absolute error and R² stand beside it."""

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanAbsoluteError, MeanSquaredError, MetricCollection, R2Score

from seedbed.tasks.base import MakeOptimizer, MakeScheduler, Task


class RegressionTask(Task):
    """Fits a net to targets (B, 1) by the mean squared error.

    Args:
        net: Maps inputs (B, …) to predictions (B, 1).
        optimizer: Makes the optimizer for the net.
        scheduler: Makes the schedule from an optimizer and the fit's number of steps.
    """

    kind: ClassVar = "regression"
    measures: ClassVar = ("loss", "mse", "mae", "r2")
    headline: ClassVar = ("val/mae", "val/r2")

    def __init__(
        self, net: nn.Module, *, optimizer: MakeOptimizer, scheduler: MakeScheduler
    ) -> None:
        metrics = {"loss": MeanSquaredError(), "mae": MeanAbsoluteError(), "r2": R2Score()}
        super().__init__(net, optimizer=optimizer, scheduler=scheduler, metrics=metrics)

    def step(self, batch: tuple[Tensor, Tensor]) -> tuple[dict[str, Tensor], int]:
        """Mean squared error of a batch."""
        inputs, targets = batch
        return {"loss": F.mse_loss(self.net(inputs), targets)}, len(inputs)

    def figures(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """The loss also goes by its own name, MSE."""
        figures = metrics.compute()
        return figures | {"mse": figures["loss"]}
