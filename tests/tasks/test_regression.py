from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from made import executed, rows_of
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from seedbed.errors import SettingError
from seedbed.runs.load import load
from seedbed.runs.predict import predict
from seedbed.tasks.regression import RegressionTask

# Errors -1, 0, 1, -2, -2; the targets' mean is 4, their squared distances from it sum to 26.
PREDICTIONS = torch.tensor([[1.0], [2.0], [4.0], [3.0], [6.0]])
TARGETS = torch.tensor([[2.0], [2.0], [3.0], [5.0], [8.0]])


def new_task(net: nn.Module, **settings: Any) -> RegressionTask:
    return RegressionTask(
        net,
        optimizer=lambda net: SGD(net.parameters()),
        scheduler=lambda optimizer, _: LambdaLR(optimizer, lambda _: 1.0),
        **settings,
    )


def evaluated(sizes: list[int], *, deviation: float = 1.0) -> dict[str, float]:
    """Figures of predictions that come in batches of these sizes."""
    task = new_task(nn.Identity())
    task.deviation = deviation
    metrics: Any = task.metrics["val"]
    for batch in zip(PREDICTIONS.split(sizes), TARGETS.split(sizes), strict=True):
        task.validation_step(batch)
    return {name: figure.item() for name, figure in task.compute_metrics(metrics).items()}


@pytest.mark.parametrize("sizes", [[5], [3, 2], [1, 3, 1]])
def test_figures_equal_those_computed_by_hand(sizes: list[int]) -> None:
    expected = {"loss": 2.0, "mse": 2.0, "rmse": 2.0**0.5, "mae": 1.2, "r2": 1 - 10 / 26}
    assert evaluated(sizes) == pytest.approx(expected)


def test_figures_are_those_the_task_says_it_measures() -> None:
    assert set(evaluated([5])) == {f"{name}" for name in RegressionTask.metric_names}


def test_training_loss_is_the_mean_squared_error_of_the_batch() -> None:
    net = nn.Linear(3, 1)
    inputs, targets = torch.randn(4, 3), torch.randn(4, 1)
    step = new_task(net).step((inputs, targets))
    torch.testing.assert_close(step.loss, F.mse_loss(net(inputs), targets))
    assert step.count == 4


# --- targets that the data scales -----------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_net_learns_from_scaled_targets_whatever_their_unit(
    reduction: Literal["mean", "sum"],
) -> None:
    inputs, targets = torch.randn(4, 3), torch.randn(4, 1)
    net = nn.Linear(3, 1)
    gradients = []
    for deviation in (1.0, 1e5):
        task = new_task(net, reduction=reduction)
        task.deviation = deviation
        net.zero_grad()
        task.training_step((inputs, targets)).backward()
        assert net.weight.grad is not None
        gradients.append(net.weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_figures_are_in_the_targets_own_unit() -> None:
    expected = {"loss": 2e6, "mse": 2e6, "rmse": 2e6**0.5, "mae": 1200, "r2": 1 - 10 / 26}
    assert evaluated([3, 2], deviation=1000) == pytest.approx(expected)


def test_training_loss_is_in_the_targets_own_unit() -> None:
    inputs, targets = torch.randn(4, 3), torch.randn(4, 1)
    task = new_task(nn.Linear(3, 1))
    task.deviation = 1000
    expected = 1e6 * F.mse_loss(task.net(inputs), targets)
    torch.testing.assert_close(task.step((inputs, targets)).loss, expected)


@pytest.mark.parametrize("unit", [1.0, 1e5])
def test_fit_on_a_table_is_the_same_in_any_unit(unit: float, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    rows = "".join(f"{a},{unit * (3 * a + 40 + a % 3)}\n" for a in range(50))
    path.write_text(f"size,price\n{rows}")
    run = executed(
        tmp_path / "run",
        *("data=table", f"data.path={path}", "data.target=price", "max_epochs=50"),
        *("net.hidden=[]", "optimizer.lr=0.05", "logger=csv"),
    )
    metrics = run.metrics()
    # The price is off its line by the rest of a third, -1 to 1: a mean square of 2 / 3.
    for part in ("train", "val", "test"):
        assert metrics[f"{part}/loss"] == pytest.approx(2 / 3 * unit**2, rel=0.5)
    _, *predicted = predict(load(run.path), path)
    errors = [float(row[2]) - float(row[1]) for row in predicted]
    assert max(map(abs, errors)) < 2 * unit
    tested = rows_of(run.path / "predictions.csv")
    error = sum((float(r["target"]) - float(r["prediction"])) ** 2 for r in tested) / len(tested)
    assert error == pytest.approx(metrics["test/loss"], rel=1e-3)
    assert min(float(row["target"]) for row in tested) >= 40 * unit


@pytest.mark.parametrize("part", ["training", "validation"])
def test_targets_of_another_shape_are_refused(part: str) -> None:
    step = getattr(new_task(nn.Identity()), f"{part}_step")
    with pytest.raises(SettingError, match=r"predictions \[3, 1\] and the data's targets \[3\]"):
        step((torch.ones(3, 1), torch.ones(3)))
