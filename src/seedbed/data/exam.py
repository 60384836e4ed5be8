"""Who passed an exam, by hours of study and sleep: made by a rule, so the best possible is known.

The file was drawn from the rule once and is shipped beside this module. To draw it again:
`python -m seedbed.data.exam > src/seedbed/data/exam.csv`.
"""

import hashlib
import sys
from pathlib import Path
from typing import Literal

import numpy as np

from seedbed.data.columns import read_columns
from seedbed.data.rows import RowsDataModule, RowSplits, random_parts
from seedbed.data.table import split_columns

FILE = Path(__file__).with_name("exam.csv")


class Exam(RowsDataModule):
    """2,000 students, split at random: 1,400 training, 200 validation, 400 test.

    Args:
        split_seed: Fixes who goes to which part.
        batch_size: Students a batch, or `full`.
        seed: Fixes the order of the training rows.
        input_noise: Deviation of the noise that training adds to the inputs.
    """

    kind = "binary"

    def __init__(
        self,
        *,
        split_seed: int = 42,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise)
        self.split_seed = split_seed

    def load(self) -> RowSplits:
        """Read the shipped file: hours (N, 2) against passed (N, 1)."""
        columns = read_columns(FILE, "passed")
        parts = random_parts(
            len(columns.rows), validation=0.1, test=0.2, seed=self.split_seed, source=str(FILE)
        )
        study, sleep = (np.array(columns.features[name]) for name in ("study", "sleep"))
        passed = np.array(columns.target)
        _, val, test = parts
        facts = {
            "source": "drawn from its rule",
            "sha256": hashlib.sha256(FILE.read_bytes()).hexdigest(),
            "best_loss_val": round(best_loss(study[val], sleep[val], passed[val]), 4),
            "best_loss_test": round(best_loss(study[test], sleep[test], passed[test]), 4),
        }
        return split_columns(columns, parts, facts=facts)


def log_odds(study: np.ndarray, sleep: np.ndarray) -> np.ndarray:
    """The rule: log-odds of passing = study - 4 - (sleep - 8)² / 2.

    Each hour of study multiplies the odds by e. Sleep is best at eight hours; less and more are
    both worse, which a net without a hidden layer cannot express.
    """
    odds: np.ndarray = study - 4 - (sleep - 8) ** 2 / 2
    return odds


def best_loss(study: np.ndarray, sleep: np.ndarray, passed: np.ndarray) -> float:
    """Mean cross-entropy, in nats, of the rule's own probabilities: the rest is luck.

    In expectation no prediction does better; on few rows one may, by luck of its own.
    """
    odds = log_odds(study, sleep)
    return float(np.logaddexp(0, np.where(passed == 1, -odds, odds)).mean())


def draw(students: int = 2000, seed: int = 42) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw study, uniform from 0 to 10 hours, sleep, normal around 7, and passed, each (N,)."""
    random = np.random.RandomState(seed)
    study = (10 * random.rand(students)).round(1)
    sleep = (7 + 1.5 * random.randn(students)).clip(3, 11).round(1)
    passed = random.rand(students) < 1 / (1 + np.exp(-log_odds(study, sleep)))
    return study, sleep, passed.astype(int)


def as_csv() -> str:
    """The file's text."""
    rows = (
        f"{study:.1f},{sleep:.1f},{passed}\n" for study, sleep, passed in zip(*draw(), strict=True)
    )
    return "study,sleep,passed\n" + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(as_csv())
