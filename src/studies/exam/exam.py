"""Who passed an exam, by hours of study and sleep: made by a rule, so the best possible is known.

To draw the shipped file again: `python -m studies.exam.exam > src/studies/exam/exam.csv`.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from studies.exam.ruled import RuledTable, csv_text


class Exam(RuledTable):
    """2,000 students: hours (N, 2) against passed (N, 1)."""

    kind = "binary"
    file = Path(__file__).with_name("exam.csv")
    target = "passed"

    def truth(self, inputs: Tensor) -> Tensor:
        """The rule's own probability of passing, of scaled inputs (N, 2): (N, 1)."""
        study, sleep = self.in_units(inputs)
        return torch.from_numpy(1 / (1 + np.exp(-log_odds(study, sleep))))[:, None]

    def best_loss(self, features: Mapping[str, np.ndarray], target: np.ndarray) -> float:
        """Mean cross-entropy, in nats, of the rule's own probabilities."""
        odds = log_odds(features["study"], features["sleep"])
        return float(np.logaddexp(0, np.where(target == 1, -odds, odds)).mean())


def log_odds(study: np.ndarray, sleep: np.ndarray) -> np.ndarray:
    """The rule: log-odds of passing = study - 4 - (sleep - 8)² / 2.

    Each hour of study multiplies the odds by e. Sleep is best at eight hours; less and more are
    both worse, which a net without a hidden layer cannot express.
    """
    odds: np.ndarray = study - 4 - (sleep - 8) ** 2 / 2
    return odds


def draw(students: int = 2000, seed: int = 42) -> dict[str, np.ndarray]:
    """Draw study, uniform from 0 to 10 hours, sleep, normal around 7, and passed, each (N,)."""
    random = np.random.RandomState(seed)
    study = (10 * random.rand(students)).round(1)
    sleep = (7 + 1.5 * random.randn(students)).clip(3, 11).round(1)
    passed = random.rand(students) < 1 / (1 + np.exp(-log_odds(study, sleep)))
    return {"study": study, "sleep": sleep, "passed": passed.astype(int)}


if __name__ == "__main__":
    sys.stdout.write(csv_text(draw()))
