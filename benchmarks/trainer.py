"""What the Trainer adds to a step, beside a bare loop over the same batches."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.fits import bare_loop, fit_beside
from benchmarks.lines import Line, Measured, at_most, cost

POEM = ("experiment=poem_gpt_sprint",)
MNIST = ("experiment=mnist",)


def language_loss(net: nn.Module, batch: Any) -> Tensor:
    """The loss of next tokens."""
    loss: Tensor = net.loss(*batch)  # type: ignore[operator]
    return loss


def class_loss(net: nn.Module, batch: Any) -> Tensor:
    """The loss of classes."""
    inputs, targets = batch
    return F.cross_entropy(net(inputs), targets)


def poem() -> Measured:
    """Ten steps, alternating."""
    bare = bare_loop(language_loss, *POEM, steps=10)
    return cost(fit_beside(bare, *POEM, every=10, pairs=15), "s for 10 steps")


def mnist() -> Measured:
    """300 steps, alternating."""
    bare = bare_loop(class_loss, *MNIST, steps=300)
    return cost(fit_beside(bare, *MNIST, every=300, pairs=45), "s for 300 steps")


LINES = (
    Line(
        name="trainer.poem",
        experiment="poem_gpt_sprint",
        what="the Trainer around the poem GPT, validations left out",
        baseline="a bare PyTorch loop on the same step",
        target=at_most(1.03),
        measure=poem,
        minutes=1.5,
    ),
    Line(
        name="trainer.mnist",
        experiment="mnist",
        what="the Trainer around MNIST's recipe (batch 32), validations left out",
        baseline="a bare PyTorch loop on the same batches",
        target=at_most(1.15),
        measure=mnist,
        minutes=1.5,
    ),
)
