"""How well a binary classifier ranks, and what its probabilities are worth: four panels."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from seedbed.report.picture import Picture
from seedbed.report.style import COLOURS, GREY, grid
from seedbed.report.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

BINS = 10


def draw_ranking(view: View) -> Iterator[Picture]:
    """The picture `ranking`: ROC, precision and recall, calibration, measures by threshold."""
    scores, labels = view.probabilities[:, 1], view.classes
    if not 0 < labels.sum() < len(labels):
        return
    false_positive, recall, thresholds = roc(scores, labels)
    share = float(labels.numpy().mean())
    measures = _measures(false_positive[1:], recall[1:], share)
    figure, [curve, precision, calibration, lines] = grid(
        2, 2, cell=(2.9, 2.3), gap=(0.75, 0.65), left=0.7
    )
    area = float(np.trapezoid(recall, false_positive))
    curve.plot(false_positive, recall, color=COLOURS[0], label=f"area {area:.3f}")
    curve.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
    _label(curve, "false positive rate", "true positive rate")
    average = float((np.diff(recall) * measures["precision"]).sum())
    shown = f"average {average:.3f}"
    precision.plot(recall[1:], measures["precision"], color=COLOURS[0], label=shown)
    precision.axhline(share, linestyle="--", color=GREY, linewidth=1)
    _label(precision, "recall", "precision")
    said, seen, shares = calibrated(scores.numpy(), labels.numpy())
    error = float((shares * abs(said - seen)).sum())
    calibration.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
    calibration.bar(said, shares, width=0.04, color=COLOURS[4], label="share of rows")
    calibration.plot(said, seen, "o-", color=COLOURS[0], markersize=4, label=f"error {error:.3f}")
    _label(calibration, "probability said", "share that are")
    for number, (name, values) in zip((0, 3, 6, 1), measures.items(), strict=True):
        lines.plot(thresholds[1:], values, color=COLOURS[number], label=name, linewidth=1.3)
    lines.axvline(0.5, linestyle=":", color=GREY, linewidth=1)
    lines.set_xlim(0, 1)
    _label(lines, "threshold", "")
    alt = (
        f"On {view.examples.rows}: area under the ROC curve {area:.3f}, average precision "
        f"{average:.3f}, calibration error {error:.3f}; accuracy, precision, recall and F1 over "
        "the threshold."
    )
    yield Picture("ranking", f"Ranking and calibration, {view.examples.rows}", alt, figure)


def roc(scores: "Tensor", labels: "Tensor") -> list[np.ndarray]:
    """False and true positive rates of scores (N,) and labels (N,), and at which thresholds.

    The first of each is where nothing counts as 1.
    """
    from torchmetrics.functional.classification import binary_roc

    return [rates.double().numpy() for rates in binary_roc(scores, labels)]


def _measures(
    false_positive: np.ndarray, recall: np.ndarray, share: float
) -> dict[str, np.ndarray]:
    """Accuracy, precision, recall and F1 by these rates, where a share of all rows is 1."""
    true, false = share * recall, (1 - share) * false_positive  # of all rows
    return {
        "accuracy": true + 1 - share - false,
        "precision": true / (true + false),
        "recall": recall,
        "F1": 2 * true / (true + false + share),
    }


def calibrated(said: np.ndarray, happened: np.ndarray) -> tuple[np.ndarray, ...]:
    """Ten equal bins of what was said (N,), those that are not empty.

    Returns:
        The mean that was said in each, the share of what happened (N,), and the bin's of all.
    """
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    there = counts > 0
    means = [np.bincount(bins, values, BINS)[there] / counts[there] for values in (said, happened)]
    return means[0], means[1], counts[there] / len(said)


def _label(axes: "Axes", x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y, ylim=(-0.03, 1.03))
    axes.legend(loc="best", fontsize=8)
