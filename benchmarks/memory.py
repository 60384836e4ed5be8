"""What a poem training step needs in memory, its loss computed in chunks or from all logits.

    python -m benchmarks.memory chunks|logits

takes three steps and prints by how many bytes they raised the most that the process ever had. That
leaves out the interpreter, the libraries and the net, and, by a step on one short window before,
what torch imports late. A process each, because that figure never falls.
"""

import resource
import sys

import torch
from torch.nn import functional as F

from benchmarks.lines import Line, Measured, at_most, cost
from benchmarks.timing import child, interleaved

VOCABULARY = 8_548
CONTEXT = 256
BATCH = 32
KIBI = 1024 if sys.platform == "linux" else 1
"""Bytes in the unit of `ru_maxrss`."""


def peak() -> int:
    """The most bytes that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBI


def raised_by_steps(way: str) -> int:
    """Train the poem GPT's net for three steps with its loss computed one way."""
    from seedbed.build import build_optimizer, build_task
    from seedbed.compose import composed, plain

    config = plain(composed(["experiment=poem_gpt"]))
    net = build_task(config, {"vocabulary_size": VOCABULARY, "context": CONTEXT}).net
    optimizer = build_optimizer(config, net)

    def step(batch: int, context: int) -> None:
        tokens = torch.randint(VOCABULARY, (batch, context + 1))
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        if way == "chunks":
            loss = net.loss(inputs, targets)  # type: ignore[operator]
        else:
            loss = F.cross_entropy(net(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    step(1, 8)
    before = peak()
    for _ in range(3):
        step(BATCH, CONTEXT)
    return peak() - before


def peaks() -> Measured:
    """Both ways, a process each."""

    def way(name: str) -> float:
        return float(child("benchmarks.memory", name)) / 2**20

    pairs = interleaved(lambda: way("chunks"), lambda: way("logits"), pairs=3, warm_up=False)
    return cost(pairs, "MiB", "beyond what the process had before it")


LINES = (
    Line(
        name="memory",
        what="peak memory of a poem training step, vocabulary 8,548, 32 × 256 tokens",
        baseline="the same step with the loss of all logits",
        target=at_most(0.5),
        measure=peaks,
        minutes=0.8,
    ),
)

if __name__ == "__main__":
    print(raised_by_steps(sys.argv[1]))
