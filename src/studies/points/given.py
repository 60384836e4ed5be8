"""Points as they are typed, `data.x=[1] data.y=[4]`: to follow a fit's arithmetic by hand."""

from collections.abc import Sequence
from typing import Literal

import torch

from seedbed.data.rows import Rows, RowsDataModule, RowSplits
from seedbed.errors import SettingError


class Given(RowsDataModule):
    """Inputs (N, 1) against targets (N, 1); validation and test are the same points again.

    Args:
        x: The inputs.
        y: Their targets, as many.
        batch_size: Points a batch, or `full`.
        seed: Fixes the order of the batches.
        input_noise: Deviation of the noise that training adds to the inputs.

    Raises:
        SettingError: If there is no point, or not a target for each input.
    """

    def __init__(
        self,
        *,
        x: Sequence[float],
        y: Sequence[float],
        batch_size: int | Literal["full"] = "full",
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise)
        if not x or len(x) != len(y):
            raise SettingError(
                f"data.x={[*x]}, data.y={[*y]}: expected a target for each input, and one or more."
            )
        self.x, self.y = [*x], [*y]

    def load(self) -> RowSplits:
        """The same points thrice: there is nothing to generalise to."""
        x, y = torch.tensor([self.x, self.y], dtype=torch.float32)
        points: Rows = x[:, None], y[:, None]
        return RowSplits(
            train=points,
            val=points,
            test=points,
            outputs=1,
            target="y",
            scale={"x": [0.0, 1.0]},  # as it is
            facts={"source": "given, the same points in each part", "train": len(self.x)},
        )
