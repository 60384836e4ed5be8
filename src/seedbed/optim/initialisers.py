"""Initial weights for any net: each function fills every weight matrix the same way.

A matrix is every parameter of two or more dimensions, found by its shape and not by its layer's
class: packed attention projections, embeddings, convolutions, and those that a net starts at zero.
A bias is what goes by that name beside a matrix. All else, norms above all, stays as the net made
it. Its fan-in is the number of values in one row of a matrix, which for an embedding is its width.
"""

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn


def default(net: nn.Module, *, bias: float | None = None) -> None:
    """Leave the matrices as the net made them.

    Args:
        net: The net to fill, here and below.
        bias: What all biases become, here and below; with None they stay as they are.
    """
    if bias is not None:
        _fill(net, lambda weight: weight, bias)


def normal(net: nn.Module, *, bias: float | None = 0.0) -> None:
    """Draw from a normal distribution of deviation 1 / √fan_in."""
    _fill(net, lambda weight: nn.init.normal_(weight, std=_fan_in(weight) ** -0.5), bias)


def uniform(net: nn.Module, *, bias: float | None = 0.0) -> None:
    """Draw uniformly between ±1 / √fan_in, which is torch's default for linear layers."""

    def fill(weight: Tensor) -> Tensor:
        bound = _fan_in(weight) ** -0.5
        return nn.init.uniform_(weight, -bound, bound)

    _fill(net, fill, bias)


def constant(net: nn.Module, *, value: float = 0.1, bias: float | None = 0.0) -> None:
    """Make all weights one value, so that the units of a layer never differ."""
    _fill(net, lambda weight: nn.init.constant_(weight, value), bias)


def xavier_uniform(net: nn.Module, *, gain: float = 1.0, bias: float | None = 0.0) -> None:
    """Draw uniformly between ±gain · √(6 / (fan_in + fan_out)) (Glorot & Bengio 2010)."""
    _fill(net, lambda weight: nn.init.xavier_uniform_(weight, gain), bias)


def xavier_normal(net: nn.Module, *, gain: float = 1.0, bias: float | None = 0.0) -> None:
    """Draw from a normal distribution of deviation gain · √(2 / (fan_in + fan_out))."""
    _fill(net, lambda weight: nn.init.xavier_normal_(weight, gain), bias)


Activation = Literal["relu", "tanh", "sigmoid", "linear"]
"""What follows a layer; torch's `calculate_gain` has the factor for each, √2 for ReLU."""


def kaiming_uniform(
    net: nn.Module, *, activation: Activation = "relu", bias: float | None = 0.0
) -> None:
    """Draw uniformly between ±gain · √(3 / fan_in) (He et al. 2015)."""
    _fill(net, lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity=activation), bias)


def kaiming_normal(
    net: nn.Module, *, activation: Activation = "relu", bias: float | None = 0.0
) -> None:
    """Draw from a normal distribution of deviation gain / √fan_in (He et al. 2015)."""
    _fill(net, lambda weight: nn.init.kaiming_normal_(weight, nonlinearity=activation), bias)


def orthogonal(net: nn.Module, *, gain: float = 1.0, bias: float | None = 0.0) -> None:
    """Draw matrices whose rows, or columns where they are fewer, are orthonormal times `gain`.

    Saxe et al. 2014. A packed attention projection counts as one matrix.
    """
    _fill(net, lambda weight: nn.init.orthogonal_(weight, gain), bias)


def _fill(net: nn.Module, fill: Callable[[Tensor], Tensor], bias: float | None) -> None:
    for module in net.modules():
        own = dict(module.named_parameters(recurse=False))
        if all(parameter.ndim < 2 for parameter in own.values()):
            continue
        for name, parameter in own.items():
            if parameter.ndim >= 2:
                weight = parameter.detach()
                # Filters may have other strides than torch's orthogonal_ takes.
                weight.copy_(fill(weight.contiguous()))
            elif bias is not None and "bias" in name:
                nn.init.constant_(parameter, bias)


def _fan_in(weight: Tensor) -> int:
    return weight[0].numel()
