"""The limit of a net's training: its arithmetic at the speed that the machine itself shows.

The arithmetic is that of the matrices (6 operations a weight and token, forward and backward) and
of attention over the positions that may be seen; what is computed again is not counted, nor what
the optimizer computes. The speed is that of one large matrix product in full precision, on as many
threads. The share reached is the model FLOP utilisation (Chowdhery et al. 2022).
"""

import time
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from seedbed.nets.gpt import GPT
from seedbed.nets.softmax import AdaptiveSoftmax, Head
from seedbed.report.style import COLOURS, GREY

SIZE = 2048

Point = dict[str, float]
"""What was measured at one size; `rate` and `limit` are in characters a second."""


def matrix_speed() -> float:
    """Operations a second in a product of two square matrices, the best of five."""
    one, other = torch.randn(SIZE, SIZE), torch.randn(SIZE, SIZE)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        one @ other
        seconds.append(time.perf_counter() - started)
    return float(2 * SIZE**3 / min(seconds))


def operations(net: GPT, counts: Tensor) -> float:
    """Floating-point operations of a training step for each of its tokens.

    A token meets all weights of the blocks; its position sees (context + 1) / 2, itself among
    them, on average, each with a product of the width for its score, and one for its value.

    Args:
        net: The net.
        counts: How often each token occurs, (V,).
    """
    seen = (net.context + 1) / 2
    attention = 2 * seen * net.token_embedding.embedding_dim * len(net.blocks)
    weights = sum(p.numel() for p in net.blocks.parameters())
    return 6 * (weights + attention + _weights_met(net.head, counts))


def _weights_met(head: Head, counts: Tensor) -> float:
    """How many of a head's weights a token meets on average: a cluster's if it lies in there."""
    if not isinstance(head, AdaptiveSoftmax):
        return float(cast(nn.Linear, head).weight.numel())
    softmax = head.softmax
    shares = (counts / counts.sum()).sort(descending=True).values
    bounds = zip(softmax.tail, softmax.cutoffs[:-1], softmax.cutoffs[1:], strict=True)
    rare = (
        float(shares[start:stop].sum()) * sum(p.numel() for p in cluster.parameters())
        for cluster, start, stop in bounds
    )
    return softmax.head.weight.numel() + sum(rare)


def share(point: Point) -> float:
    """The share of the limit that was reached."""
    return point["rate"] / point["limit"]


def draw_rates(axes: Any, places: Sequence[float], points: Sequence[Point]) -> None:
    """Characters a second, with the share reached, and the limit dashed above."""
    axes.plot(places, [one["limit"] for one in points], "--", color=GREY)
    axes.plot(places, [one["rate"] for one in points], "o-", color=COLOURS[0])
    axes.set_ylabel("characters a second\n(dashed: the limit)")
    axes.margins(0.12, 0.2)  # room for the shares
    for place, one in zip(places, points, strict=True):
        axes.annotate(
            f"{share(one):.0%}",
            (place, one["rate"]),
            xytext=(0, -14),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
