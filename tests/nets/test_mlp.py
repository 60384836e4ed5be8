from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seedbed.nets.mlp import ACTIVATIONS, MLP


def linears(net: MLP) -> list[nn.Linear]:
    return [module for module in net.modules() if isinstance(module, nn.Linear)]


def test_no_hidden_layer_makes_a_linear_model() -> None:
    net = MLP(inputs=3, outputs=2, hidden=[])
    x = torch.randn(5, 3)
    torch.testing.assert_close(net(x), x @ net.head.weight.T + net.head.bias)


def test_layers_have_the_widths_asked_for() -> None:
    net = MLP(inputs=3, outputs=2, hidden=[7, 5])
    assert [tuple(layer.weight.shape) for layer in linears(net)] == [(7, 3), (5, 7), (2, 5)]


def test_layers_without_a_bias_are_matrices_alone() -> None:
    net = MLP(inputs=3, outputs=2, hidden=[7], bias=False)
    first, last = linears(net)
    x = torch.randn(4, 3)
    torch.testing.assert_close(net(x), F.relu(x @ first.weight.T) @ last.weight.T)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation_follows_every_hidden_layer_and_not_the_last(activation: Any) -> None:
    net = MLP(inputs=3, outputs=2, hidden=[7, 5], activation=activation)
    function = getattr(F, activation)
    first, second, last = linears(net)
    x = torch.randn(4, 3)
    torch.testing.assert_close(net(x), last(function(second(function(first(x))))))


def test_dropout_zeroes_its_share_of_hidden_values_in_training() -> None:
    torch.manual_seed(0)
    net = MLP(inputs=3, outputs=2, hidden=[1000], activation="sigmoid", dropout=0.3)
    zeros = (net.body(torch.randn(20, 3)) == 0).float()
    assert abs(zeros.mean() - 0.3) < 4 * (0.3 * 0.7 / zeros.numel()) ** 0.5


def test_dropout_follows_every_hidden_layer() -> None:
    net = MLP(inputs=3, outputs=2, hidden=[7, 5], dropout=0.3)
    kinds = [type(module) for module in net.body.modules() if not [*module.children()]]
    assert kinds == 2 * [nn.Linear, nn.ReLU, nn.Dropout]


def test_weights_have_the_same_names_with_dropout_and_without() -> None:
    plain, dropped = (MLP(inputs=3, outputs=2, hidden=[7, 5], dropout=p) for p in (0.0, 0.3))
    dropped.load_state_dict(plain.state_dict())


def test_dropout_does_nothing_in_evaluation() -> None:
    net = MLP(inputs=3, outputs=2, hidden=[7, 5], dropout=0.3).eval()
    first, second, last = linears(net)
    x = torch.randn(4, 3)
    torch.testing.assert_close(net(x), last(F.relu(second(F.relu(first(x))))))


def test_hidden_layer_without_a_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"hidden=\[3, 0\]: expected a width of 1 or more"):
        MLP(inputs=3, outputs=2, hidden=[3, 0])


def test_rows_of_any_shape_are_flattened() -> None:
    net = MLP(inputs=24, outputs=2)
    images = torch.randn(5, 2, 3, 4)
    assert net(images).equal(net(images.reshape(5, 24)))
