from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from seedbed.tasks.regression import RegressionTask

# Errors -1, 0, 1, -2, -2; the targets' mean is 4, their squared distances from it sum to 26.
PREDICTIONS = torch.tensor([[1.0], [2.0], [4.0], [3.0], [6.0]])
TARGETS = torch.tensor([[2.0], [2.0], [3.0], [5.0], [8.0]])


def new_task(net: nn.Module) -> RegressionTask:
    return RegressionTask(
        net,
        optimizer=lambda net: SGD(net.parameters()),
        scheduler=lambda optimizer, _: LambdaLR(optimizer, lambda _: 1.0),
    )


def evaluated(sizes: list[int]) -> dict[str, float]:
    """Figures of predictions that come in batches of these sizes."""
    task = new_task(nn.Identity())
    metrics: Any = task.metrics["val"]
    for batch in zip(PREDICTIONS.split(sizes), TARGETS.split(sizes), strict=True):
        task.validation_step(batch)
    return {name: figure.item() for name, figure in task.figures(metrics).items()}


@pytest.mark.parametrize("sizes", [[5], [3, 2], [1, 3, 1]])
def test_figures_equal_those_computed_by_hand(sizes: list[int]) -> None:
    expected = {"loss": 2.0, "mse": 2.0, "mae": 1.2, "r2": 1 - 10 / 26}
    assert evaluated(sizes) == pytest.approx(expected)


def test_figures_are_those_the_task_says_it_measures() -> None:
    assert set(evaluated([5])) == {f"{name}" for name in RegressionTask.measures}


def test_training_loss_is_the_mean_squared_error_of_the_batch() -> None:
    net = nn.Linear(3, 1)
    inputs, targets = torch.randn(4, 3), torch.randn(4, 1)
    step = new_task(net).step((inputs, targets))
    torch.testing.assert_close(step.loss, F.mse_loss(net(inputs), targets))
    assert step.count == 4
