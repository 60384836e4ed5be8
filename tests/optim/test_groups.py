from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import SGD, AdamW

from seedbed.optim.groups import Decay, parameter_groups


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.norm = nn.LayerNorm(4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.body = nn.Sequential(nn.Conv1d(4, 4, 3), nn.ReLU(), nn.Linear(4, 6))
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.head = nn.Linear(6, 5)


KINDS = {
    "matrix": {
        "attention.in_proj_weight",
        "attention.out_proj.weight",
        "body.2.weight",
    },
    "filter": {"body.0.weight"},
    "head": {"head.weight"},
    "embedding": {"embedding.weight"},
    "vector": {
        "norm.weight",
        "norm.bias",
        "attention.in_proj_bias",
        "attention.out_proj.bias",
        "body.0.bias",
        "body.2.bias",
        "scale",
        "head.bias",
    },
}


def kinds(net: nn.Module) -> dict[str, set[str]]:
    names = {parameter: name for name, parameter in net.named_parameters()}
    return {
        group["kind"]: {names[parameter] for parameter in group["params"]}
        for group in parameter_groups(net)
    }


def shrunk(make_optimizer: Any, decay: Decay) -> set[str]:
    """Names of the parameters that a step with zero gradients multiplies by 1 - lr * decay."""
    net = Net()
    for parameter in net.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    make_optimizer(parameter_groups(net, decay=decay), lr=0.1, weight_decay=0.5).step()
    names = set()
    for name, parameter in net.named_parameters():
        value = parameter.flatten()[0].item()
        assert (parameter == value).all()
        assert value == 1 or value == pytest.approx(1 - 0.1 * 0.5)
        if value < 1:
            names.add(name)
    return names


def test_kinds_are_reported_apart_by_module_shape_and_name() -> None:
    assert kinds(Net()) == KINDS


def test_every_parameter_is_in_exactly_one_group() -> None:
    net = Net()
    grouped = Counter(p for group in parameter_groups(net) for p in group["params"])
    assert grouped == Counter(net.parameters())


@pytest.mark.parametrize("make_optimizer", [AdamW, SGD])
def test_decay_of_matrices_leaves_norms_biases_and_embeddings(make_optimizer: Any) -> None:
    assert shrunk(make_optimizer, "matrices") == KINDS["matrix"] | KINDS["filter"] | KINDS["head"]


@pytest.mark.parametrize("make_optimizer", [AdamW, SGD])
def test_decay_of_all_reaches_every_parameter(make_optimizer: Any) -> None:
    assert shrunk(make_optimizer, "all") == set().union(*KINDS.values())


def test_head_is_only_what_goes_by_that_name_at_the_top() -> None:
    net = nn.ModuleDict({"head": nn.Linear(2, 2), "tail": nn.ModuleDict({"head": nn.Linear(2, 2)})})
    assert kinds(net)["head"] == {"head.weight"}
    assert kinds(net)["matrix"] == {"tail.head.weight"}


def test_head_that_shares_the_embeddings_weight_is_an_embedding() -> None:
    net = nn.ModuleDict({"head": nn.Linear(4, 5, bias=False), "tokens": nn.Embedding(5, 4)})
    net["head"].weight = net["tokens"].weight
    [group] = parameter_groups(net)
    assert (group["kind"], len(group["params"])) == ("embedding", 1)


def test_frozen_parameters_are_left_out() -> None:
    net = Net()
    net.embedding.requires_grad_(False)
    net.body.requires_grad_(False)
    left = {name for names in kinds(net).values() for name in names}
    assert left == {name for name, parameter in net.named_parameters() if parameter.requires_grad}
