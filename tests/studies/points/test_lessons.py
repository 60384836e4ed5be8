"""Each lesson's row: our run beside the lesson's own loop, written out here, from one start."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made import executed, settings, training_losses
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

from seedbed.config.build import build


def start(folder: Path, *overrides: str) -> nn.Module:
    """The net as a run with these settings starts with it."""
    return build(settings(*overrides), folder).task.net


def line(points: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(42)
    x = 5 * torch.randn(points, 1)
    return x, 2 * x + 1 + torch.randn(points, 1)


def cubic() -> tuple[Tensor, Tensor]:
    torch.manual_seed(42)
    x = torch.linspace(-3, 3, 100)[:, None]
    return x, x**3 - x**2 + 0.5 * torch.randn(100, 1)


def lesson_loop(
    net: nn.Module, optimizer: Optimizer, points: tuple[Tensor, Tensor], epochs: int
) -> list[float]:
    """The loss of each full-batch epoch, as the lessons print it."""
    x, y = points
    losses = []
    for _ in range(epochs):
        loss = F.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# --- sine -----------------------------------------------------------------------------------------


def hand_derived(x: np.ndarray, y: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Gradient of Σ(a + b x + c x² + d x³ - y)² in a, b, c, d, as the lesson derives it."""
    a, b, c, d = coefficients
    error = 2 * (a + b * x + c * x**2 + d * x**3 - y)
    return np.array([error.sum(), (error * x).sum(), (error * x**2).sum(), (error * x**3).sum()])


def coefficients_of(weights: dict[str, Tensor]) -> np.ndarray:
    """a, b, c, d of a polynomial's weights."""
    bias, weight = weights["head.bias"], weights["head.weight"]
    return torch.cat([bias, weight.flatten()]).detach().double().numpy()


def test_sines_hand_derived_gradients_equal_autograds(tmp_path: Path) -> None:
    study = build(settings("experiment=sine"), tmp_path)
    inputs, targets = study.datamodule.splits.train
    net = study.task.net
    study.task.training_step((inputs, targets)).backward()
    gradients = {name: p.grad for name, p in net.named_parameters() if p.grad is not None}
    x, y = (column[:, 0].double().numpy() for column in (inputs, targets))
    expected = hand_derived(x, y, coefficients_of(dict(net.named_parameters())))
    np.testing.assert_allclose(coefficients_of(gradients), expected, rtol=1e-4)


@pytest.mark.slow
def test_sine_ends_where_the_lessons_loop_does(tmp_path: Path) -> None:
    """Within 1e-4 of each coefficient, and 0.01 % of the loss; the loop computes in double."""
    coefficients = coefficients_of(dict(start(tmp_path, "experiment=sine").named_parameters()))
    x = np.linspace(-np.pi, np.pi, 2000)
    losses = []
    for _ in range(2000):
        losses.append(((np.polyval(coefficients[::-1], x) - np.sin(x)) ** 2).sum())
        coefficients = coefficients - 1e-6 * hand_derived(x, np.sin(x), coefficients)

    run = executed(tmp_path / "run", "experiment=sine")
    weights = torch.load(run.last, weights_only=True)["state_dict"]
    fitted = coefficients_of({name.removeprefix("net."): w for name, w in weights.items()})
    np.testing.assert_allclose(fitted, coefficients, atol=1e-4)
    means = np.reshape(losses, (20, 100)).mean(axis=1) / 2000
    np.testing.assert_allclose(training_losses(run), means, rtol=1e-4)


# --- line, linear and cubic -----------------------------------------------------------------------


def test_line_has_the_losses_of_the_lessons_loop(tmp_path: Path) -> None:
    net = start(tmp_path, "experiment=line")
    losses = lesson_loop(net, SGD(net.parameters(), lr=0.01), line(100), epochs=100)
    run = executed(tmp_path / "run", "experiment=line", "logger=csv")
    np.testing.assert_allclose(training_losses(run), losses, rtol=1e-3)


OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "sgd": lambda weights: SGD(weights, lr=0.01),
    "momentum": lambda weights: SGD(weights, lr=0.01, momentum=0.9),
    "adagrad": lambda weights: Adagrad(weights, lr=0.01),
    "rmsprop": lambda weights: RMSprop(weights, lr=0.01, alpha=0.99),
    "adam": lambda weights: Adam(weights, lr=0.01),
    "adamw": lambda weights: AdamW(weights, lr=0.01, weight_decay=0.01),
}
"""Those of the lesson that torch has; LAMB's steps are compared with its paper's elsewhere."""


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_linear_has_the_losses_of_the_lessons_loop_with_each_optimizer(
    name: str, tmp_path: Path
) -> None:
    choices = ("experiment=linear", f"optimizer={name}", "optimizer.lr=0.01")
    net = start(tmp_path, *choices)
    losses = lesson_loop(net, OPTIMIZERS[name](net.parameters()), line(200), epochs=100)
    run = executed(tmp_path / "run", *choices)
    np.testing.assert_allclose(training_losses(run), losses, rtol=1e-3)


@pytest.mark.parametrize("name", [*OPTIMIZERS, "lamb"])
def test_linear_starts_from_the_same_weights_with_every_optimizer(
    name: str, tmp_path: Path
) -> None:
    usual, other = (start(tmp_path, "experiment=linear", f"optimizer={o}") for o in ("sgd", name))
    for one, same in zip(usual.parameters(), other.parameters(), strict=True):
        assert one.equal(same)


@pytest.mark.slow
def test_cubic_has_the_losses_of_the_lessons_loop(tmp_path: Path) -> None:
    net = start(tmp_path, "experiment=cubic")
    # Fused as the option is: a rounding that differs has grown to half a per cent after 300 epochs.
    adam = Adam(net.parameters(), lr=0.01, weight_decay=0.01, fused=True)
    losses = lesson_loop(net, adam, cubic(), epochs=300)
    run = executed(tmp_path / "run", "experiment=cubic")
    np.testing.assert_allclose(training_losses(run), losses, rtol=1e-3)
