"""Metrics by their names: which way one is better, which are of a part."""

import re
from collections.abc import Mapping
from typing import Any, Literal

HIGHER_IS_BETTER = frozenset(
    (
        *("accuracy", "precision", "recall", "specificity", "f1", "auroc", "average_precision"),
        *("r2", "acc", "auc", "iou", "dice", "mcc", "psnr", "ssim", "bleu"),
    )
)
"""The metrics whose best is their highest."""

LOWER_IS_BETTER = frozenset(
    (
        *("loss", "mse", "rmse", "mae", "perplexity", "bits_per_character", "brier"),
        *("nll", "bce", "fid", "wer", "cer"),
    )
)
"""Those whose best is their lowest; of any other metric a run's own `mode` says it."""


def best_is(metric: str) -> Literal["min", "max"] | None:
    """Whether the best `val/…`, `test/…` or `train/…` is the lowest or the highest, if known."""
    # Others' names end with what they are of, as in val_loss.
    names = {metric.rpartition("/")[2], re.split(r"[/_]", metric)[-1]}
    if names & HIGHER_IS_BETTER:
        return "max"
    return "min" if names & LOWER_IS_BETTER else None


COUNTS = ("step", "epoch", "partial")
"""What is logged with the metrics and is none; the last marks an epoch's row of a part of it."""

COSTS = ("throughput/", "memory/")
"""How the names begin of what training takes, which is another each time."""


def is_metric(name: str) -> bool:
    """Whether what a module logged measures it, and is no count or cost."""
    return name not in COUNTS and not name.startswith(COSTS)


def forks(metrics: Mapping[str, Any], monitor: object) -> dict[str, str]:
    """By NAME_epoch, NAME: Lightning has what is logged by steps and by epochs under both.

    Args:
        metrics: All that was logged, by name; one that its author called so has its own value.
        monitor: The one that decides, which keeps its name.
    """
    return {
        f"{name}_epoch": name
        for name, value in metrics.items()
        if f"{name}_epoch" != monitor and metrics.get(f"{name}_epoch", value) == value
    }


INTERVALS = "in brackets: 95 %, by bootstrap over the test part's examples"


def interval(metrics: Mapping[str, float], name: str) -> str:
    """The 95 % interval of a test's metric in brackets; empty where there is none."""
    low, high = metrics.get(f"low/{name}"), metrics.get(f"high/{name}")
    return "" if low is None or high is None else f"  ({low:.4f} to {high:.4f})"
