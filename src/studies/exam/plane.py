"""A number from eight others, on a plane with noise: made by a rule, so the best possible is known.

To draw the shipped file again: `python -m studies.exam.plane > src/studies/exam/plane.csv`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from studies.exam.ruled import RuledTable, csv_text

SLOPES = np.array([3.0, -2.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0])
"""A of the rule; half of the inputs have no effect, so a fit's weights can be checked for it."""

INTERCEPT = 4.0
"""b of the rule."""


class Plane(RuledTable):
    """1,000 rows: x1 to x8 (N, 8) against y (N, 1)."""

    file = Path(__file__).with_name("plane.csv")
    target = "y"

    def best_loss(self, features: Mapping[str, np.ndarray], target: np.ndarray) -> float:
        """Mean square of the noise."""
        inputs = np.stack([*features.values()], axis=1)  # (N, 8)
        return float(((target - height(inputs)) ** 2).mean())


def height(inputs: np.ndarray) -> np.ndarray:
    """The rule without its noise, y = A·x + b, of inputs (N, 8)."""
    heights: np.ndarray = inputs @ SLOPES + INTERCEPT
    return heights


def draw(rows: int = 1000, seed: int = 42) -> dict[str, np.ndarray]:
    """Draw x1 to x8 from N(0, 1), and y with noise from N(0, 1), each (N,)."""
    random = np.random.RandomState(seed)
    inputs = random.randn(rows, len(SLOPES)).round(2)
    y = (height(inputs) + random.randn(rows)).round(2)
    return {f"x{k}": column for k, column in enumerate(inputs.T, start=1)} | {"y": y}


if __name__ == "__main__":
    sys.stdout.write(csv_text(draw()))
