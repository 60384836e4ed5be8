from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import seedbed
from seedbed.nets.mlp import MLP
from studies.points.backward_path import Layer, chain_rule


def passed_through(net: nn.Module, x: torch.Tensor) -> tuple[list[Layer], torch.Tensor]:
    layers: list[Layer] = []

    def keep(name: str) -> Any:
        def hook(module: nn.Module, entered: Any, left: torch.Tensor) -> None:
            left.retain_grad()
            layers.append(Layer(name, module, entered[0].detach(), left))

        return hook

    for name, module in net.named_modules():
        if isinstance(module, nn.Linear | nn.ReLU | nn.Tanh | nn.Sigmoid):
            module.register_forward_hook(keep(name))
    return layers, net(x)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_chain_rule_gives_autograds_gradients(activation: Any) -> None:
    torch.manual_seed(0)
    net = MLP(inputs=3, outputs=2, hidden=[4, 5], activation=activation)
    layers, output = passed_through(net, torch.randn(6, 3))
    output.square().mean().backward()
    found = chain_rule(layers)
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)


def test_line_by_hand_is_what_one_computes_on_paper(tmp_path: Path) -> None:
    # k=2, b=1, x=1: ŷ=3, y=4, so ∂L/∂ŷ = 2 (3 - 4) = -2, and -2 for k (times x=1) and b alike.
    words = ["experiment=chain", "net.hidden=[]", "init.value=2", "init.bias=1", "data.y=[4]"]
    seedbed.run([*words, f"hydra.run.dir={tmp_path}"])
    lines = [line.split() for line in (tmp_path / "train.log").read_text("utf-8").splitlines()]
    assert ["head", "3", "-2"] in lines
    assert ["head.weight", "2", "-2", "-2"] in lines
    assert ["head.bias", "1", "-2", "-2"] in lines
