"""Points on a curve, most with noise: the regression lessons' data.

All of a lesson's points are training data; validation and test are drawn separately from the same
law. Where a lesson spaces its inputs evenly, theirs are uniform over the same interval, so that no
point is in two parts. The generator is torch's, as lesson 3's must have been: no line through
the 200 points that NumPy draws from its seed comes down to the loss it ends at, 0.84.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor

from seedbed.data.rows import Rows, RowsDataModule, RowSplits
from seedbed.errors import SettingError

HELD_OUT_SEEDS = (1_000_001, 1_000_002)
"""Fix validation and test; far from what anybody gives as `draw_seed`, which would repeat one."""

Draw = Callable[[int, Generator], Tensor]
"""Draws a number of inputs, (N,)."""


class Points(RowsDataModule, ABC):
    """Inputs (N, 1) against targets (N, 1); a curve's own class only gives its law.

    Args:
        points: Number of training points.
        held_out: Number of points in validation, and again in test.
        draw_seed: Fixes the training points; lesson 3's own is 42.
        batch_size: Points a batch, or `full`.
        seed: Fixes the order of the batches.
        input_noise: Deviation of the noise that training adds to the inputs.
        outliers: Share of the training points that are wrong: raised by ten times the deviation of
            their targets.
        reach: By what the inputs of validation and test are multiplied, so that above 1 they go
            further than training's: a shift.

    Raises:
        SettingError: If there are too few points, the seed is negative, `outliers` is no share, or
            `reach` is not positive.
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
        outliers: float = 0.0,
        reach: float = 1.0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise)
        if not 0 <= outliers <= 1:
            raise SettingError(f"data.outliers={outliers}: expected a share from 0 to 1.")
        if not reach > 0:
            raise SettingError(f"data.reach={reach}: expected a number above 0.")
        # R² needs two points.
        for name, value, least in (
            ("points", points, 1),
            ("held_out", held_out, 2),
            ("draw_seed", draw_seed, 0),
        ):
            if value < least:
                raise SettingError(f"data.{name}={value}: expected {least} or more.")
        self.points = points
        self.held_out = held_out
        self.draw_seed = draw_seed
        self.outliers = outliers
        self.reach = reach

    noise: ClassVar[float]
    """The deviation of the targets' noise."""

    @abstractmethod
    def inputs(self, count: int, generator: Generator) -> Tensor:
        """Draw inputs, (count,)."""

    @abstractmethod
    def truth(self, inputs: Tensor) -> Tensor:
        """The curve without noise, of inputs of any shape; pictures show it."""

    def targets(self, inputs: Tensor, generator: Generator) -> Tensor:
        """Draw the targets of inputs, both (N,)."""
        return self.truth(inputs) + self.noise * torch.randn(len(inputs), generator=generator)

    def training_inputs(self, count: int, generator: Generator) -> Tensor:
        """The lesson's inputs, (count,), where it has others than drawn ones."""
        return self.inputs(count, generator)

    def load(self) -> RowSplits:
        """Draw the parts; validation and test stay as they are for any training points."""

        def part(draw: Draw, count: int, seed: int, reach: float = 1.0) -> Rows:
            generator = Generator().manual_seed(seed)
            inputs = reach * draw(count, generator)
            return inputs[:, None], self.targets(inputs, generator)[:, None]

        train = part(self.training_inputs, self.points, self.draw_seed)
        if self.outliers:
            generator = Generator().manual_seed(self.draw_seed)
            wrong = torch.randperm(self.points, generator=generator)
            train[1][wrong[: round(self.outliers * self.points)]] += 10 * train[1].std()
        return RowSplits(
            train=train,
            val=part(self.inputs, self.held_out, HELD_OUT_SEEDS[0], self.reach),
            test=part(self.inputs, self.held_out, HELD_OUT_SEEDS[1], self.reach),
            outputs=1,
            target="y",
            scale={"x": [0.0, 1.0]},  # as it is
            facts={
                "source": "drawn from its law",
                "draw_seed": self.draw_seed,
                "train": self.points,
            },
        )


class Line(Points):
    """y = 2x + 1 + noise, with x = 5·N(0, 1) and noise N(0, 1)."""

    noise = 1.0

    def inputs(self, count: int, generator: Generator) -> Tensor:
        """Normal, of deviation 5."""
        return 5 * torch.randn(count, generator=generator)

    def truth(self, inputs: Tensor) -> Tensor:
        """The line."""
        return 2 * inputs + 1


class Valley(Points):
    """y = x + 5 + noise, with x = 10·N(0, 1) and noise N(0, 1).

    The loss of a line through such points is 100 times as steep along its weight as along its bias:
    a narrow valley, in which plain descent goes as slowly as its steep sides allow.
    """

    noise = 1.0

    def inputs(self, count: int, generator: Generator) -> Tensor:
        """Normal, of deviation 10."""
        return 10 * torch.randn(count, generator=generator)

    def truth(self, inputs: Tensor) -> Tensor:
        """The line."""
        return inputs + 5


class Sine(Points):
    """y = sin x without noise, for x from -π to π."""

    noise = 0.0

    def inputs(self, count: int, generator: Generator) -> Tensor:
        """Uniform over the period."""
        return math.pi * (2 * torch.rand(count, generator=generator) - 1)

    def training_inputs(self, count: int, generator: Generator) -> Tensor:
        """Evenly spaced over the period, both its ends included."""
        return torch.linspace(-math.pi, math.pi, count)

    def truth(self, inputs: Tensor) -> Tensor:
        """The sine."""
        return inputs.sin()


class Cubic(Points):
    """y = x³ - x² + noise, for x from -3 to 3 and noise 0.5·N(0, 1)."""

    noise = 0.5

    def inputs(self, count: int, generator: Generator) -> Tensor:
        """Uniform from -3 to 3."""
        return 3 * (2 * torch.rand(count, generator=generator) - 1)

    def training_inputs(self, count: int, generator: Generator) -> Tensor:
        """Evenly spaced from -3 to 3, both included."""
        return torch.linspace(-3, 3, count)

    def truth(self, inputs: Tensor) -> Tensor:
        """The cubic."""
        return inputs**3 - inputs**2
