"""What the lessons say of optimizers and do not show, each by a few figures.

    python -m benchmarks.lessons.optimizers memory sparse dying moving

The optimizers are torch's own, on one or two weights; the loss is the squared distance from a
target, where there is a loss.
"""

import sys
from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import SGD, Adagrad, Adam, Optimizer, RMSprop

Make = Callable[[list[Tensor]], Optimizer]

ADAPTIVE: dict[str, Make] = {
    "Adagrad 0.1": lambda p: Adagrad(p, lr=0.1),
    "RMSprop 0.01": lambda p: RMSprop(p, lr=0.01),
}


def memory() -> None:
    """Momentum adds up gradients, each time with a share β of what it had."""
    print("share of momentum that is of the last    1      3     10     50    100 gradients")
    for beta in (0.5, 0.9, 0.99):
        shares = "".join(f"{1 - beta**count:7.1%}" for count in (1, 3, 10, 50, 100))
        print(f"momentum {beta:<29}{shares}")


def dying() -> None:
    """Where all gradients are 1, Adagrad's steps become smaller and RMSprop's do not."""
    print("step under gradients of 1      1     10    100  1,000")
    for name, make in ADAPTIVE.items():
        weight = torch.zeros(1)
        optimizer = make([weight])
        steps = []
        for _ in range(1000):
            before = weight.item()
            weight.grad = torch.ones(1)
            optimizer.step()
            steps.append(before - weight.item())
        print(f"{name:<25}" + "".join(f"{steps[n - 1]:7.4f}" for n in (1, 10, 100, 1000)))


def sparse() -> None:
    """A weight whose gradient comes in one step of fifty, beside one that has it in each."""
    print("distance left after 200 steps   each step   one in 50")
    made: dict[str, Make] = {
        "SGD 0.1": lambda p: SGD(p, lr=0.1),
        "Adagrad 0.5": lambda p: Adagrad(p, lr=0.5),
        "Adam 0.1": lambda p: Adam(p, lr=0.1),
    }
    for name, make in made.items():
        weights = torch.zeros(2)
        optimizer = make([weights])
        for step in range(200):
            occurs = torch.tensor([1.0, float(step % 50 == 0)])
            weights.grad = 2 * (weights - 1) * occurs
            optimizer.step()
        often, seldom = (1 - weights).abs().tolist()
        print(f"{name:<29}{often:12.3f}{seldom:12.3f}")


def moving() -> None:
    """A target that moves after 1,000 steps, with gradients that stay noisy."""
    print("distance 100 steps after the target moved by 1")
    for name, make in ADAPTIVE.items():
        generator = torch.Generator().manual_seed(0)
        weight = torch.zeros(1)
        optimizer = make([weight])
        for step in range(1100):
            target = float(step >= 1000)
            weight.grad = 2 * (weight - target) + torch.randn(1, generator=generator)
            optimizer.step()
        print(f"{name:<14}{(1 - weight).abs().item():.3f}")


if __name__ == "__main__":
    known = {f.__name__: f for f in (memory, dying, sparse, moving)}
    if not {*sys.argv[1:]} <= known.keys():
        sys.exit(f"expected some of {', '.join(known)}")
    for name in sys.argv[1:] or known:
        known[name]()
