"""How well a binary classifier ranks, and what its probabilities are worth: four panels."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from seedbed.report.picture import Picture
from seedbed.report.style import COLOURS, GREY, grid
from seedbed.report.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 10


def draw_ranking(view: View) -> Iterator[Picture]:
    """The picture `ranking`: ROC, precision and recall, calibration, measures by threshold."""
    scores, labels = view.probabilities[:, 1].numpy(), view.classes.numpy()
    if not 0 < labels.sum() < len(labels):
        return
    counts = Counts(scores, labels)
    figure, [roc, precision, calibration, measures] = grid(
        2, 2, cell=(2.9, 2.3), gap=(0.75, 0.65), left=0.7
    )
    area = counts.auroc
    roc.plot(counts.false_positive, counts.recall, color=COLOURS[0], label=f"area {area:.3f}")
    roc.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
    _label(roc, "false positive rate", "true positive rate")
    average = counts.average_precision
    shown = f"average {average:.3f}"
    precision.plot(counts.recall[1:], counts.precision[1:], color=COLOURS[0], label=shown)
    precision.axhline(labels.mean(), linestyle="--", color=GREY, linewidth=1)
    _label(precision, "recall", "precision")
    said, seen, shares = calibrated(scores, labels)
    error = float((shares * abs(said - seen)).sum())
    calibration.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
    calibration.bar(said, shares, width=0.04, color=COLOURS[4], label="share of rows")
    calibration.plot(said, seen, "o-", color=COLOURS[0], markersize=4, label=f"error {error:.3f}")
    _label(calibration, "probability said", "share that are")
    for colour, (name, values) in zip(
        (COLOURS[0], COLOURS[3], COLOURS[6], COLOURS[1]), counts.measures().items(), strict=True
    ):
        measures.plot(counts.thresholds[1:], values[1:], color=colour, label=name, linewidth=1.3)
    measures.axvline(0.5, linestyle=":", color=GREY, linewidth=1)
    measures.set_xlim(0, 1)
    _label(measures, "threshold", "")
    alt = (
        f"On {view.examples.rows}: area under the ROC curve {area:.3f}, average precision "
        f"{average:.3f}, calibration error {error:.3f}; accuracy, precision, recall and F1 over "
        "the threshold."
    )
    yield Picture("ranking", f"Ranking and calibration, {view.examples.rows}", alt, figure)


class Counts:
    """What each threshold makes of scores (N,) and labels (N,), from the highest score down.

    The first threshold is above all scores: nothing counts as 1.
    """

    def __init__(self, scores: np.ndarray, labels: np.ndarray) -> None:
        order = np.argsort(-scores, kind="stable")
        found = np.cumsum(labels[order])
        last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of equal ones
        self._positive, self._negative = int(labels.sum()), int((1 - labels).sum())
        self._true = np.append(0, found[last])
        self._taken = np.append(0, last + 1)
        self.thresholds = np.append(np.inf, scores[order][last])

    @property
    def recall(self) -> np.ndarray:
        """The true positive rate."""
        return np.asarray(self._true / self._positive)

    @property
    def false_positive(self) -> np.ndarray:
        """The false positive rate."""
        return np.asarray((self._taken - self._true) / self._negative)

    @property
    def precision(self) -> np.ndarray:
        """Where nothing counts as 1 it is taken for 1."""
        return np.where(self._taken > 0, self._true / np.maximum(self._taken, 1), 1.0)

    @property
    def auroc(self) -> float:
        """The area under the ROC curve."""
        return float(np.trapezoid(self.recall, self.false_positive))

    @property
    def average_precision(self) -> float:
        """The precision at each step of the recall, by the size of the step."""
        return float((np.diff(self.recall) * self.precision[1:]).sum())

    def measures(self) -> dict[str, np.ndarray]:
        """Accuracy, precision, recall and F1 at each threshold."""
        right = self._true + self._negative - (self._taken - self._true)
        both = self._taken + self._positive
        return {
            "accuracy": right / (self._positive + self._negative),
            "precision": self.precision,
            "recall": self.recall,
            "F1": 2 * self._true / both,
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
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_ylim(-0.03, 1.03)
    axes.legend(loc="best", fontsize=8)
