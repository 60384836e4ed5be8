"""Vectors in place of numbers of levels: what a net is given of a category of many levels.

A table's last inputs may be such numbers. Any net gets an embedding for each of them, looked up
before its own forward; its class and the names of its other weights stay as they are.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

NAME = "column_embeddings"
"""The net's attribute."""

DEVIATION = 0.01
"""Of initial vectors, so small that a level says nothing before it was learnt."""


def width(levels: int) -> int:
    """Values of a vector: half as many as there are levels, and no more than 50."""
    return min(50, math.ceil(levels / 2))


class ColumnEmbeddings(nn.ModuleList):
    """An embedding for each of the last inputs; its first vector is that of unseen levels.

    Args:
        levels: How many levels each has, which are numbered from 1.
    """

    takes_single_precision = True  # half of it has no odd numbers above 256

    def __init__(self, levels: Sequence[int]) -> None:
        tables = [nn.Embedding(count + 1, width(count)) for count in levels]
        for table in tables:
            nn.init.normal_(table.weight, std=DEVIATION)
            nn.init.zeros_(table.weight[0])
        super().__init__(tables)

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows (B, N), the last of them numbers of levels, to rows with vectors instead."""
        numbers = rows[:, -len(self) :].unbind(1)
        vectors = [_vectors(table, each) for table, each in zip(self, numbers, strict=True)]
        return torch.cat([rows[:, : -len(self)].to(vectors[0].dtype), *vectors], dim=1)


def _vectors(table: nn.Module, numbers: Tensor) -> Tensor:
    assert isinstance(table, nn.Embedding)
    vectors: Tensor = table(numbers.long().clamp(0, table.num_embeddings - 1))
    return vectors


def embed(net: nn.Module, levels: Sequence[int]) -> None:
    """Have a net look up vectors for its last inputs, of so many levels each."""
    net.add_module(NAME, ColumnEmbeddings(levels))
    net.register_forward_pre_hook(_look_up)


def _look_up(net: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    rows, *others = inputs
    return (getattr(net, NAME)(rows), *others)
