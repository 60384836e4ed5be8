"""Which way a metric is better, by its name."""

from typing import Literal

HIGHER_IS_BETTER = frozenset(
    ["accuracy", "precision", "recall", "specificity", "f1", "auroc", "average_precision", "r2"]
)
"""The metrics whose best is their highest."""


def best_is(metric: str) -> Literal["min", "max"]:
    """Whether the best `val/…`, `test/…` or `train/…` is the lowest or the highest."""
    return "max" if metric.rpartition("/")[2] in HIGHER_IS_BETTER else "min"
