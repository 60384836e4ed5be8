"""Which classes are taken for which, and how well each is separated from all others."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seedbed.record.files import read_table
from seedbed.report.picture import Picture
from seedbed.report.ranking import roc
from seedbed.report.style import COLOURS, GREY, grid, panels, text
from seedbed.report.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 20
"""Classes whose counts are written into their cells."""

LONGEST = 12
"""Characters of a label."""


def draw_confusion(view: View) -> Iterator[Picture]:
    """The picture `confusion`: counts by true class, down, and predicted class, across.

    Where the test part was opened, its own stand beside those of validation.
    """
    predicted = view.probabilities.argmax(1).numpy()
    classes, labels = view.classes.numpy(), [label[:LONGEST] for label in view.labels]
    size = len(labels)
    counts = np.bincount(classes * size + predicted, minlength=size**2).reshape(size, size)
    tables = {view.examples.rows: counts}
    openings = view.run.openings
    if openings and (test := _of_test(view)) is not None and test.shape == counts.shape:
        times = "once" if openings == 1 else f"{openings} times"
        tables[f"test part, opened {times}"] = test
    side = min(5.0, max(2.4, 0.36 * size))
    wide = max(map(len, labels)) * 0.085 + 0.55
    figure, axes = grid(1, len(tables), cell=(side, side), gap=(wide, 0), left=max(wide, 0.9))
    for below, (name, table) in zip(axes, tables.items(), strict=True):
        _draw_table(below, table, labels, name)
    wrong = counts - np.diag(np.diag(counts))
    true, taken = np.unravel_index(wrong.argmax(), wrong.shape)
    most = (
        f"; the commonest error takes {labels[true]} for {labels[taken]}, {wrong.max():,} times"
        if wrong.any()
        else ""
    )
    alt = f"Of {counts.sum():,} rows of validation {np.trace(counts):,} are right{most}."
    yield Picture("confusion", "Confusion matrix", alt, figure)


def _of_test(view: View) -> np.ndarray | None:
    """The counts that the test left in `confusion.csv`; None where it left none."""
    names = [f"predicted_{label}" for label in view.labels]
    table = read_table(view.run.path / "confusion.csv", names)
    if [*table] != names:
        return None
    return np.array([*table.values()], dtype=float).T.astype(int)


def _draw_table(axes: "Axes", counts: np.ndarray, labels: Sequence[str], name: str) -> None:
    """Each row shaded by its own shares, so that rare classes are seen too."""
    from seedbed.report.lettering import write

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(visible=False)
    places = [*range(len(labels))] if len(labels) <= MOST else []
    turned = 90 if max(map(len, labels)) > 3 else 0
    axes.set_xticks(places, [text(labels[n]) for n in places], rotation=turned)
    axes.set_yticks(places, [text(labels[n]) for n in places])
    for row in places:
        for column in places:
            if count := int(counts[row, column]):
                colour = "white" if shares[row, column] > 0.5 else "#222222"
                write(axes, column, row, f"{count}", color=colour, fontsize=8)
    axes.set(xlabel="predicted" if not turned else "", ylabel="true")
    axes.set_title(name, fontsize=9)


def draw_each(view: View) -> Iterator[Picture]:
    """The picture `classes`: each class against all others, by ROC curves, the worst in colour."""
    curves = {
        number: roc(view.probabilities[:, number], own.long())
        for number in range(view.probabilities.shape[1])
        if 0 < (own := view.classes == number).sum() < len(own)
    }
    if not curves:
        return
    areas = {number: float(np.trapezoid(y, x)) for number, (x, y, _) in curves.items()}
    worst = sorted(areas, key=areas.__getitem__)[: len(COLOURS)]
    figure, [axes] = panels([3.6])
    for number in sorted(curves, key=lambda number: number in worst):
        known = number in worst
        axes.plot(
            *curves[number][:2],
            color=COLOURS[worst.index(number)] if known else GREY,
            linewidth=1.3 if known else 0.8,
            label=text(f"{view.labels[number]}: {areas[number]:.4f}") if known else None,
        )
    # What is of interest is at the upper left; the axis starts where half of the best curve is.
    widest = max(float(np.interp(0.995, y, x)) for x, y, _ in curves.values())
    axes.set_xlim(-0.01 * widest, min(1.0, max(widest, 0.02)))
    lowest = min(float(np.interp(0.002, x, y)) for x, y, _ in curves.values())
    axes.set(ylim=(min(lowest, 0.98), 1.002), xlabel="false positive rate")
    axes.set_ylabel("true positive rate")
    axes.legend(loc="lower right", title="area", ncols=2, fontsize=8)
    mean = float(np.mean([*areas.values()]))
    alt = (
        f"ROC curve of each class against all others, on {view.examples.rows}; the areas' mean is "
        f"{mean:.4f}, the least {min(areas.values()):.4f}, of {view.labels[worst[0]]}."
    )
    yield Picture("classes", f"Each class against the others, {view.examples.rows}", alt, figure)
