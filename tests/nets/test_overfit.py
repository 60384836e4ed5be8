from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import AdamW, Optimizer

from seedbed.nets.cnn import CNN
from seedbed.nets.gpt import GPT
from seedbed.nets.language_model import LanguageModel
from seedbed.nets.mlp import MLP
from seedbed.nets.transformer_decoder import TransformerDecoder
from seedbed.optim.groups import parameter_groups
from seedbed.optim.muon import MuonWithAdamW

MakeOptimizer = Callable[[list[dict[str, object]]], Optimizer]
V, T = 16, 8


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Nets this small lose time to more threads, and very much of it on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def loss_after(steps: int, optimizer: Optimizer, loss: Callable[[], Tensor]) -> float:
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    return loss().item()


@pytest.mark.parametrize("kind", [GPT, TransformerDecoder])
@pytest.mark.parametrize(
    "make_optimizer", [partial(AdamW, lr=0.01), MuonWithAdamW], ids=["adamw", "muon"]
)
def test_decoder_learns_random_tokens_by_heart(
    kind: type[LanguageModel], make_optimizer: MakeOptimizer
) -> None:
    """One of 16 tokens at chance is a loss of 2.77, so 0.1 is reached by memory alone."""
    torch.manual_seed(0)
    net = kind(vocabulary_size=V, context=T, width=32, depth=2)
    batch = torch.randint(V, (4, T + 1))
    batch[:, 0] = torch.arange(4)  # tells the rows apart, or the second token would be a guess
    optimizer = make_optimizer(parameter_groups(net))
    assert loss_after(60, optimizer, lambda: net.loss(batch[:, :-1], batch[:, 1:])) < 0.1


def test_mlp_learns_eight_points_by_heart() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(8, 2), torch.randn(8, 1)
    net = MLP(inputs=2, outputs=1, hidden=[64, 64])
    optimizer = AdamW(parameter_groups(net), lr=0.01)
    assert loss_after(100, optimizer, lambda: F.mse_loss(net(x), y)) < 1e-3


def test_mlp_learns_random_labels_of_images_by_heart() -> None:
    torch.manual_seed(0)
    x, y = torch.rand(16, 1, 8, 8), torch.randint(10, (16,))
    net = MLP(inputs=64, outputs=10, hidden=[64])
    optimizer = AdamW(parameter_groups(net), lr=0.01)
    assert loss_after(100, optimizer, lambda: F.cross_entropy(net(x), y)) < 0.01


def test_cnn_learns_random_labels_of_images_by_heart() -> None:
    torch.manual_seed(0)
    x, y = torch.rand(16, 1, 8, 8), torch.randint(10, (16,))
    net = CNN(channels=1, outputs=10, widths=[16, 32], grid=2)
    optimizer = AdamW(parameter_groups(net), lr=0.01)
    assert loss_after(60, optimizer, lambda: F.cross_entropy(net(x), y)) < 0.01
