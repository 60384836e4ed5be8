"""`pairs.png`: the final metric over two settings at once.

Lines over a number, one for each value of the other setting; else a heat map.
"""

import math
from pathlib import Path

import numpy as np

from seedbed.record.settings import Value, shown
from seedbed.report.comparison import Comparison
from seedbed.report.effects import (
    Values,
    arrange,
    draw_mean,
    draw_runs,
    finish,
    measured,
    ordered,
    tick,
)
from seedbed.report.scales import spans
from seedbed.report.settings import Setting, follows
from seedbed.report.style import COLOURS, INK, End, label_ends, new_figure, text

MOST_LINES = 8

MOST_CELLS = 150
"""Cells that have their numbers written in; of more, there are colours alone."""


def draw_pairs(comparison: Comparison, file: Path) -> bool:
    """Draw the two settings that differ against each other; False if there are not two of them."""
    settings = comparison.differences.settings
    values = measured(comparison)
    if len(settings) != 2 or not any(value is not None for value in values):
        return False
    first, second = settings
    if follows(first.values, second.values) or follows(second.values, first.values):
        return False
    other, along = sorted(settings, key=lambda s: (s.numeric, len(set(s.values))))
    in_lines = along.numeric and len(set(other.values)) <= MOST_LINES
    (_draw_lines if in_lines else _draw_heat)(comparison, along, other, values, file)
    return True


def _draw_lines(
    comparison: Comparison, along: Setting, other: Setting, values: Values, file: Path
) -> None:
    picture = new_figure(8.5, 5)
    axes = picture.add_subplot()
    places = arrange(axes, along)
    ends = []
    lines = ordered(other)
    for number, (colour, line) in enumerate(zip(COLOURS, lines, strict=False)):
        means = []
        for value, place in places.items():
            own = [
                y
                for y, a, o in zip(values, along.values, other.values, strict=True)
                if (a, o) == (value, line)
            ]
            # Crosses of several lines side by side, or they would hide each other.
            draw_runs(axes, [place] * len(own), own, colour, aside=number - (len(lines) - 1) / 2)
            if (mean := draw_mean(axes, place, own, colour)) is not None:
                means.append((place, mean))
        if means:
            axes.plot([x for x, _ in means], [y for _, y in means], color=colour)
            ends.append(End(*means[-1], other.named(line), colour))
    finish(comparison, [axes], values)
    label_ends(axes, ends)
    picture.savefig(file)


def _draw_heat(
    comparison: Comparison, along: Setting, other: Setting, values: Values, file: Path
) -> None:
    from matplotlib.colors import LogNorm, Normalize

    columns, rows = ordered(along), ordered(other)
    cells: dict[tuple[Value, Value], Values] = {}
    for y, row, column in zip(values, other.values, along.values, strict=True):
        cells.setdefault((row, column), []).append(y)
    grid = np.full((len(rows), len(columns)), np.nan)
    for (row, column), own in cells.items():
        if reached := [y for y in own if y is not None]:
            grid[rows.index(row), columns.index(column)] = np.mean(reached)
    known = grid[np.isfinite(grid)]
    norm = (LogNorm if spans(known.tolist(), 20) else Normalize)(known.min(), known.max())
    picture = new_figure(min(2.5 + 1.1 * len(columns), 16), min(1.5 + 0.6 * len(rows), 12))
    axes = picture.add_subplot()
    colours = "viridis_r" if comparison.mode == "min" else "viridis"  # bright is good
    image = axes.imshow(grid, cmap=colours, norm=norm, aspect="auto")
    bright = image.to_rgba(grid)[..., :3].sum(axis=-1) > 1.5
    for (i, j), value in np.ndenumerate(grid) if grid.size <= MOST_CELLS else ():
        tried = (rows[i], columns[j]) in cells
        words = f"{value:#.3g}" if math.isfinite(value) else "×" if tried else ""
        colour = INK if bright[i, j] or not math.isfinite(value) else "white"
        axes.text(j, i, words, ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(columns)), [tick(value) for value in columns])
    axes.set_yticks(range(len(rows)), [text(shown(value)) for value in rows])
    axes.set(xlabel=text(along.name), ylabel=text(other.name))
    axes.grid(visible=False)
    axes.set_title(text(f"{comparison.title}: {comparison.metric}"))
    picture.colorbar(image, ax=axes, label=comparison.metric)
    picture.savefig(file)
