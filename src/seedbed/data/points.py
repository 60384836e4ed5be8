"""Points on a curve with noise: the regression lessons' data.

All of a lesson's points are training data; validation and test are drawn separately from the same
law. The points come from NumPy's legacy generator, because the lessons seed that one.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from seedbed.data.rows import Rows, RowsDataModule, RowSplits

Draw = Callable[[int, np.random.RandomState], tuple[np.ndarray, np.ndarray]]
"""Draws a number of points, x and y, each (N,)."""


class Line(RowsDataModule):
    """y = 2x + 1 + noise, with x = 5·N(0, 1) and noise N(0, 1).

    Args:
        points: Number of training points.
        held_out: Number of points in validation, and again in test.
        draw_seed: Fixes the points; the lesson's own is 42.
        batch_size: Points a batch, or `full`.
        seed: Fixes the order of the batches.
        input_noise: Deviation of the noise that training adds to the inputs.
    """

    def __init__(
        self,
        *,
        points: int = 100,
        held_out: int = 1000,
        draw_seed: int = 42,
        batch_size: int | Literal["full"] = "full",
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise)
        self.points = points
        self.held_out = held_out
        self.draw_seed = draw_seed

    def load(self) -> RowSplits:
        """Draw the three parts, each (N, 1) against (N, 1)."""

        def draw(count: int, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
            x = 5 * random.randn(count)
            return x, 2 * x + 1 + random.randn(count)

        return draw_splits(draw, self.points, self.held_out, self.draw_seed)


def draw_splits(draw: Draw, points: int, held_out: int, seed: int) -> RowSplits:
    """Draw each part with a seed of its own, so that more training points change no other part."""

    def part(count: int, part_seed: int) -> Rows:
        x, y = draw(count, np.random.RandomState(part_seed))
        return _column(x), _column(y)

    return RowSplits(
        train=part(points, seed),
        val=part(held_out, seed + 1),
        test=part(held_out, seed + 2),
        outputs=1,
        facts={"source": "drawn from its law", "draw_seed": seed, "train": points},
    )


def _column(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).float()[:, None]
