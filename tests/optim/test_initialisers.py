import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from seedbed.nets.cnn import CNN
from seedbed.nets.gpt import GPT
from seedbed.nets.mlp import MLP
from seedbed.nets.transformer_decoder import TransformerDecoder
from seedbed.optim.initialisers import (
    constant,
    default,
    kaiming_normal,
    kaiming_uniform,
    normal,
    orthogonal,
    uniform,
    xavier_normal,
    xavier_uniform,
)

Initialise = Callable[..., None]

FANS = {
    "linear.weight": (80, 60),
    "embedding.weight": (80, 60),
    "attention.in_proj_weight": (40, 120),
    "attention.out_proj.weight": (40, 40),
    "convolution.weight": (16 * 9, 32 * 9),
}
"""Fan-in and fan-out of each matrix of `Net`."""

BIASES = {"linear.bias", "attention.in_proj_bias", "attention.out_proj.bias", "convolution.bias"}

UNTOUCHED = {"norm.weight", "norm.bias", "scale", "coefficients"}

DRAWN = {
    normal: lambda fan_in, fan_out: fan_in**-0.5,
    uniform: lambda fan_in, fan_out: (fan_in * 3) ** -0.5,
    xavier_uniform: lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)),
    xavier_normal: lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)),
    kaiming_uniform: lambda fan_in, fan_out: math.sqrt(2 / fan_in),
    kaiming_normal: lambda fan_in, fan_out: math.sqrt(2 / fan_in),
}
"""The documented deviation of each initialiser that draws its values alike."""

UNIFORM = [uniform, xavier_uniform, kaiming_uniform]
NORMAL = [normal, xavier_normal, kaiming_normal]
EVERY = [default, constant, orthogonal, *DRAWN]


class Net(nn.Module):
    """A matrix of each kind with some thousands of values, and what is no matrix."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(80, 60)
        self.embedding = nn.Embedding(60, 80)
        self.attention = nn.MultiheadAttention(40, 4)
        self.convolution = nn.Conv2d(16, 32, 3)
        self.norm = nn.LayerNorm(5)
        self.scale = nn.Parameter(torch.tensor(0.7))
        self.coefficients = nn.Parameter(torch.randn(4))
        nn.init.zeros_(self.attention.out_proj.weight)  # as some start their output projections


def parameters(net: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in net.named_parameters()}


def filled(initialise: Initialise) -> dict[str, Tensor]:
    net = Net()
    initialise(net)
    return parameters(net)


def test_the_nets_parameters_are_all_spoken_for() -> None:
    assert set(parameters(Net())) == {*FANS, *BIASES, *UNTOUCHED}


@pytest.mark.parametrize("name", FANS)
@pytest.mark.parametrize("initialise", DRAWN)
def test_mean_is_zero_and_the_deviation_is_the_documented_one(
    initialise: Initialise, name: str
) -> None:
    values, deviation = filled(initialise)[name], DRAWN[initialise](*FANS[name])
    # Five times the standard errors of mean and deviation of a normal sample.
    assert abs(values.mean()) < 5 * deviation / values.numel() ** 0.5
    assert abs(values.std() - deviation) < 5 * deviation / (2 * values.numel()) ** 0.5


@pytest.mark.parametrize("name", FANS)
@pytest.mark.parametrize("initialise", UNIFORM)
def test_uniform_values_fill_their_bounds_and_keep_them(initialise: Initialise, name: str) -> None:
    bound = math.sqrt(3) * DRAWN[initialise](*FANS[name])
    assert 0.98 * bound < filled(initialise)[name].abs().max() <= bound


@pytest.mark.parametrize("name", FANS)
@pytest.mark.parametrize("initialise", NORMAL)
def test_normal_values_lie_within_one_deviation_as_often_as_they_should(
    initialise: Initialise, name: str
) -> None:
    values, deviation = filled(initialise)[name], DRAWN[initialise](*FANS[name])
    share = math.erf(1 / math.sqrt(2))
    error = math.sqrt(share * (1 - share) / values.numel())
    within = (values.abs() < deviation).float().mean().item()
    assert within == pytest.approx(share, abs=5 * error)


@pytest.mark.parametrize("initialise", [xavier_uniform, xavier_normal])
def test_gain_of_xavier_scales_the_weights(initialise: Initialise) -> None:
    one, two = filled(initialise), filled(partial(initialise, gain=2.0))
    torch.testing.assert_close(two["linear.weight"], 2 * one["linear.weight"])


@pytest.mark.parametrize("initialise", [kaiming_uniform, kaiming_normal])
def test_kaiming_for_linear_units_is_smaller_by_the_root_of_two(initialise: Initialise) -> None:
    relu, linear = filled(initialise), filled(partial(initialise, activation="linear"))
    torch.testing.assert_close(relu["linear.weight"], math.sqrt(2) * linear["linear.weight"])


@pytest.mark.parametrize("name", FANS)
def test_constant_makes_every_weight_the_value(name: str) -> None:
    assert set(filled(partial(constant, value=0.25))[name].flatten().tolist()) == {0.25}


@pytest.mark.parametrize("name", FANS)
def test_orthogonal_matrix_has_orthonormal_rows_or_columns(name: str) -> None:
    matrix = filled(partial(orthogonal, gain=3.0))[name].flatten(1)
    rows, columns = matrix.shape
    products = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    torch.testing.assert_close(products, 9 * torch.eye(min(rows, columns)), atol=1e-4, rtol=0)


def test_default_leaves_every_parameter_as_the_net_made_it() -> None:
    made, left = parameters(Net()), filled(default)
    assert all(left[name].equal(value) for name, value in made.items())


@pytest.mark.parametrize("initialise", EVERY)
def test_biases_become_the_value_asked_for(initialise: Initialise) -> None:
    after = filled(partial(initialise, bias=0.01))
    assert all(after[name].equal(torch.full_like(after[name], 0.01)) for name in BIASES)


@pytest.mark.parametrize("initialise", EVERY)
def test_biases_stay_as_they_are_when_none_is_asked_for(initialise: Initialise) -> None:
    made, after = parameters(Net()), filled(partial(initialise, bias=None))
    assert all(after[name].equal(made[name]) for name in BIASES)


@pytest.mark.parametrize("initialise", EVERY)
def test_norms_and_other_vectors_and_scalars_stay_as_they_are(initialise: Initialise) -> None:
    made, after = parameters(Net()), filled(partial(initialise, bias=0.01))
    assert all(after[name].equal(made[name]) for name in UNTOUCHED)


@pytest.mark.parametrize("initialise", [constant, orthogonal, *DRAWN])
@pytest.mark.parametrize(
    "make",
    [
        partial(MLP, inputs=3, outputs=2),
        partial(CNN, channels=1, outputs=2),
        partial(GPT, vocabulary_size=11, context=8, depth=1),
        partial(TransformerDecoder, vocabulary_size=11, context=8, width=8, depth=1),
    ],
    ids=["mlp", "cnn", "gpt", "transformer_decoder"],
)
def test_every_matrix_of_a_shipped_net_is_reached(
    make: Callable[[], nn.Module], initialise: Initialise
) -> None:
    net = make()
    made = parameters(net)
    initialise(net)
    kept = {name for name, value in parameters(net).items() if value.equal(made[name])}
    assert {name for name in kept if made[name].ndim >= 2} == set()


@pytest.mark.parametrize("initialise", [orthogonal, *DRAWN])
def test_values_follow_from_the_seed(initialise: Initialise) -> None:
    one, two = filled(initialise), filled(initialise)
    assert all(one[name].equal(two[name]) for name in FANS)


def test_every_filled_parameter_still_learns() -> None:
    net = Net()
    for initialise in EVERY:
        initialise(net)
    assert all(p.requires_grad and p.is_leaf for p in net.parameters())
