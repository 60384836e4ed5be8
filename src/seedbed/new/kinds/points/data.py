"""Noisy points on a curve. Replace `load` by your own rows; the rest can stay."""

from typing import Literal

import torch

from seedbed.data.parts import random_parts
from seedbed.data.rows import RowsDataModule, RowSplits


class Points(RowsDataModule):
    """Inputs (N, 1) against targets (N, 1).

    Args:
        points: Number of points, of all parts.
        noise: Standard deviation of the noise in the targets.
        split_seed: Fixes the points, and which of them goes to which part.
        batch_size: Rows a batch, or `full`.
        seed: Fixes the order of the training rows.
        input_noise: Standard deviation of the noise that training adds to the inputs.
    """

    kind = "regression"  # or binary, multiclass: which task these targets are for

    def __init__(
        self,
        *,
        points: int = 300,
        noise: float = 0.1,
        split_seed: int = 42,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise)
        self.points = points
        self.noise = noise
        self.split_seed = split_seed

    def load(self) -> RowSplits:
        """Draw the points, and deal them to the three parts."""
        generator = torch.Generator().manual_seed(self.split_seed)
        x = 4 * torch.rand(self.points, 1, generator=generator) - 2
        y = torch.sin(2 * x) + self.noise * torch.randn(x.shape, generator=generator)
        train, val, test = random_parts(
            len(x), validation=0.2, test=0.2, seed=self.split_seed, source="the points"
        )
        return RowSplits(
            train=(x[train], y[train]),
            val=(x[val], y[val]),
            test=(x[test], y[test]),
            outputs=1,  # values that the net gives for a row
            facts={"source": "drawn", "train": len(train)},  # kept in the run's record
        )
