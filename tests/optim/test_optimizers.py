import copy
import io
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from shipped import options
from torch import Tensor, nn
from torch.optim import Optimizer

from seedbed.config.build import construct
from seedbed.optim.groups import parameter_groups
from seedbed.project import CONF

NAMES = [
    name
    for name in options("optimizer")
    if name != "random_search"  # takes no gradients; it has tests of its own
    and not name.startswith("sgd_")  # sgd again, at rates too low to see here
]
every_optimizer = pytest.mark.parametrize("name", NAMES)


class Net(nn.Module):
    """A parameter of each kind, all of which the loss depends on."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(6, 8)
        self.filters = nn.Conv1d(8, 8, 3)
        self.norm = nn.LayerNorm(8)
        self.matrix = nn.Linear(8, 5)
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.head = nn.Linear(5, 3)

    def loss(self) -> Tensor:
        """Cross-entropy of fixed targets."""
        hidden = self.norm(self.filters(self.embedding.weight.T).T).tanh()
        logits = self.head(self.scale * self.matrix(hidden).tanh())
        return nn.functional.cross_entropy(logits, torch.arange(4) % 3)


def shipped(name: str, net: nn.Module, **settings: Any) -> Optimizer:
    """An optimizer as its file has it."""
    node = OmegaConf.to_container(OmegaConf.load(CONF / "optimizer" / f"{name}.yaml"))
    assert isinstance(node, dict)
    optimizer: Optimizer = construct(node | settings, "optimizer")(parameter_groups(net))
    return optimizer


def train(net: Net, optimizer: Optimizer, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        net.loss().backward()
        optimizer.step()


def moved(net: nn.Module, start: nn.Module) -> set[str]:
    pairs = zip(net.named_parameters(), start.parameters(), strict=True)
    return {name for (name, parameter), before in pairs if not parameter.equal(before)}


@every_optimizer
def test_first_step_moves_every_parameter_and_lowers_the_loss(name: str) -> None:
    net, start = Net(), Net()
    train(net, shipped(name, net), steps=1)
    assert moved(net, start) == set(dict(net.named_parameters()))
    assert net.loss() < start.loss()


@every_optimizer
def test_decay_moves_the_matrices_and_filters_alone(name: str) -> None:
    net, start = Net(), Net()
    optimizer = shipped(name, net, weight_decay=0.1)
    for parameter in net.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    assert moved(net, start) == {"filters.weight", "matrix.weight", "head.weight"}


@every_optimizer
@pytest.mark.parametrize("net", [nn.LayerNorm(3), nn.Linear(2, 3), nn.Embedding(2, 3)], ids=str)
def test_net_without_some_kinds_of_parameters_takes_a_step(name: str, net: nn.Module) -> None:
    net = copy.deepcopy(net)
    optimizer = shipped(name, net)
    start = copy.deepcopy(net)
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert moved(net, start) == set(dict(net.named_parameters()))


@every_optimizer
def test_training_goes_on_to_identical_weights_after_a_round_trip_through_a_file(
    name: str,
) -> None:
    net = Net()
    optimizer = shipped(name, net)
    train(net, optimizer, steps=3)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)

    resumed = copy.deepcopy(net)
    resumed_optimizer = shipped(name, resumed)
    resumed_optimizer.load_state_dict(torch.load(file, weights_only=True))

    train(net, optimizer, steps=2)
    train(resumed, resumed_optimizer, steps=2)
    assert moved(resumed, net) == set()


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_lamb_takes_the_papers_step_with_its_trust_ratio(decay: float) -> None:
    net = Net()
    # Larger than the norm of 10 at which the paper's scaling of it ends.
    nn.init.constant_(net.matrix.weight, 4.0)
    expected = [parameter.detach().clone() for parameter in net.parameters()]
    means = [torch.zeros_like(weight) for weight in expected]
    squares = [torch.zeros_like(weight) for weight in expected]
    optimizer = shipped("lamb", net, lr=0.01, weight_decay=decay)
    decays = {p: g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    for _ in range(3):
        train(net, optimizer, steps=1)
        for i, parameter in enumerate(net.parameters()):
            assert parameter.grad is not None
            means[i] = 0.9 * means[i] + 0.1 * parameter.grad
            squares[i] = 0.999 * squares[i] + 0.001 * parameter.grad**2
            update = means[i] / (squares[i].sqrt() + 1e-6) + decays[parameter] * expected[i]
            norm, length = expected[i].norm().clamp(max=10), update.norm()
            trust_ratio = norm / (length + 1e-6) if norm > 0 and length > 0 else 1.0
            expected[i] -= 0.01 * trust_ratio * update
        torch.testing.assert_close([p.detach() for p in net.parameters()], expected)
