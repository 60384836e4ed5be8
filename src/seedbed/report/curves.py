"""A metric as it was learnt, all runs at once: `curves.png`, and the charts of the page.

Validation is solid, training dashed. Where the runs have different schedules, their learning rates
stand below.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from seedbed.record.run import Axis
from seedbed.record.settings import LARGEST
from seedbed.report.chart import Chart, Line
from seedbed.report.comparison import Comparison, Group
from seedbed.report.scales import finite, set_log, spans, view
from seedbed.report.style import GREY, INK, End, colours, label_ends, new_figure, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = list[tuple[float, float]]

Lines = dict[tuple[str, str, float, str | None], Points]
"""The points of lines by style, colour, width and marker, with a gap after each."""


def draw_curves(comparison: Comparison, axis: Axis, file: Path) -> bool:
    """Draw the picture; False if no run has logged the metric."""
    name = comparison.metric.rpartition("/")[2]
    lines = {
        id(run): [_finite(run.curve(f"{part}/{name}", axis)) for part in ("train", "val")]
        for run in comparison.runs
    }
    points = [point for parts in lines.values() for part in parts for point in part]
    if not points:
        return False
    low, high = view(comparison)
    seen = [y for _, y in points if low <= y <= high] or [y for _, y in points]
    low, high = min(seen), max(seen)
    rates = _rates(comparison, axis)
    picture = new_figure(9, 6.5 if rates else 5)
    axes, *below = picture.subplots(
        1 + bool(rates), sharex=True, squeeze=False, height_ratios=[5, 2][: 1 + bool(rates)]
    )[:, 0]
    colour = colours(comparison)
    drawn: Lines = {}
    ends, crosses = [], []
    for group in reversed(comparison.groups):  # the best on top
        hue = colour[group.label]
        last = []
        for run in group.runs:
            training, validation = lines[id(run)]
            if hue != GREY or not validation:  # of hundreds of settings they would hide the rest
                _draw(drawn, training, "--", hue, single=True)
            _draw(drawn, validation, "-", hue, single=len(group.runs) == 1)
            if shown := validation or training:
                last.append(shown[-1])
                if run.state == "failed":
                    crosses.append((*shown[-1], hue))
        if last and hue != GREY:
            y = sum(y for _, y in last) / len(last)
            end = End(max(x for x, _ in last), min(max(y, low), high), _name(group), hue)
            ends.append(end)
    _draw_all(axes, drawn)
    _set_height(axes, seen, logarithmic=comparison.mode == "min" and spans(seen, 20))
    first, final = min(x for x, _ in points), max(x for x, _ in points)
    axes.set_xlim(first, max(final, first + 1))
    for under in below:
        _draw_rates(under, {colour[label]: points for label, points in rates.items()})
    [axes, *below][-1].set_xlabel("training step" if axis == "step" else "epoch")
    axes.set(ylabel=name, title=text(f"{comparison.title}: {name}"))
    _explain_lines(
        axes,
        training=any(training for training, _ in lines.values()),
        failed=any(run.state == "failed" for run in comparison.runs),
        others=list(colour.values()).count(GREY),
    )
    bottom, top = axes.get_ylim()
    for x, y, hue in crosses:  # at the edge, if it ended out of view
        axes.plot(x, min(max(y, bottom), top), "x", color=hue, clip_on=False, zorder=5)
    label_ends(axes, ends)
    picture.savefig(file)
    return True


def _rates(comparison: Comparison, axis: Axis) -> dict[str, Points]:
    """The learning rate of each group, by its label; empty unless one changes, and they differ."""
    curves = {
        group.label: group.runs[0].curve("learning_rate", axis)
        for group in reversed(comparison.groups)
    }
    changing = any(len({y for _, y in points}) > 1 for points in curves.values())
    differ = len({tuple(points) for points in curves.values()}) > 1
    return curves if changing and differ else {}


def _draw_rates(axes: "Axes", rates: dict[str, Points]) -> None:
    for hue, points in rates.items():
        if points:  # a run that failed early may have logged none
            axes.plot(*zip(*points, strict=True), color=hue, linewidth=1.2)
    values = finite(y for points in rates.values() for _, y in points)
    if spans(values, 20):
        set_log(axes, "y", min(values) / 1.2, max(values) * 1.2)
    axes.set_ylabel("learning rate")


MOST_POINTS = 40_000
"""Points of all lines of the page's chart together."""


def charts_of(comparison: Comparison, axis: Axis) -> list[Chart]:
    """The same for the page, with values that can be read; empty if no run has logged it."""
    name = comparison.metric.rpartition("/")[2]
    across = "training step" if axis == "step" else "epoch"
    colour, lines = colours(comparison), list[Line]()
    for group in reversed(comparison.groups):
        hue = colour[group.label]
        for number, run in enumerate(group.runs):
            training, validation = (run.curve(f"{part}/{name}", axis) for part in ("train", "val"))
            if hue != GREY or not validation:
                lines.append(Line("", training, hue, "dashed"))
            # One line of a group has a name, or its legend would be longer than the page.
            named = _name(group) if hue != GREY and not number else ""
            seed = f", seed {run.config.get('seed')}" if named and len(group.runs) > 1 else ""
            lines.append(Line(named + seed, validation or training, hue))
    if not (lines := [line for line in lines if line.points]):
        return []
    metric = Chart(
        f"{comparison.title}: {name}; validation, and dashed training",
        lines,
        across,
        limits=view(comparison),
        falls=comparison.mode == "min",
        most=max(20, min(400, MOST_POINTS // len(lines))),
    )
    rates = [
        Line(label if colour[label] != GREY else "", points, colour[label])
        for label, points in _rates(comparison, axis).items()
        if points
    ]
    return [metric, *([Chart("Learning rate", rates, across, falls=True)] if rates else [])]


def _finite(points: Points) -> Points:
    return [(x, y) for x, y in points if abs(y) < LARGEST]


def _name(group: Group) -> str:
    return group.label if group.states == "finished" else f"{group.label} ({group.states})"


def _draw(lines: Lines, points: Points, style: str, colour: str, *, single: bool) -> None:
    """Note a line, with those that look alike; repeats of a run are thinner, to be seen apart."""
    width = 0.9 if style == "--" else 1.8 if single else 1.1
    marker = "." if len(points) == 1 else None
    lines.setdefault((style, colour, width, marker), []).extend([*points, (math.nan, math.nan)])


def _draw_all(axes: "Axes", lines: Lines) -> None:
    """Draw lines that look alike at once: thousands each on its own would take many seconds."""
    for (style, colour, width, marker), points in lines.items():
        axes.plot(
            [x for x, _ in points],
            [y for _, y in points],
            style,
            color=colour,
            linewidth=width,
            alpha=0.6 if style == "--" else 1.0,
            marker=marker,
            zorder=1.5 if colour == GREY else 2,
        )


def _set_height(axes: "Axes", values: list[float], *, logarithmic: bool) -> None:
    """Leave a little room below and above the values."""
    low, high = min(values), max(values)
    if logarithmic:
        room = (high / low) ** 0.04
        set_log(axes, "y", low / room, high * room)
    else:
        margin = 0.05 * (high - low) or 0.5
        axes.set_ylim(low - margin, high + margin)


def _explain_lines(axes: "Axes", *, training: bool, failed: bool, others: int) -> None:
    """Say what is solid, dashed, crossed and grey; each only where it occurs."""
    from matplotlib.lines import Line2D

    kinds = [Line2D([], [], color=INK, label="validation")]
    if training:
        kinds.append(Line2D([], [], color=INK, linestyle="--", linewidth=1, label="training"))
    if failed:
        kinds.append(Line2D([], [], color=INK, linestyle="", marker="x", label="failed"))
    if others:
        kinds.append(Line2D([], [], color=GREY, label=f"{others} more"))
    if len(kinds) > 1:
        axes.legend(handles=kinds, loc="best", fontsize=9)
