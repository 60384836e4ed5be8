"""`effects.png`: the final metric against each setting that differs.

A dot is a run. A bar is the mean over seeds and its deviation; over runs that differ in other
settings too, where a deviation would say nothing of the setting, it is their median. A run that did
not finish, or is off the scale, is a cross at the edge: shown, but not counted.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seedbed.record.settings import LARGEST, Value, shown
from seedbed.report.comparison import Comparison
from seedbed.report.scales import set_log, spans, view
from seedbed.report.settings import Setting
from seedbed.report.style import COLOURS, new_figure, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PANELS = 6

Values = list[float | None]
"""The metric, one for each run; None for one that did not finish or is off the scale."""


def draw_effects(comparison: Comparison, file: Path) -> bool:
    """Draw a panel for each setting; False if none differs."""
    settings = comparison.differences.settings[:MOST_PANELS]
    values = measured(comparison)
    if not settings or not any(value is not None for value in values):
        return False
    across = min(len(settings), 3)
    down = math.ceil(len(settings) / across)
    widths = [_width(setting) for setting in settings]
    width = min(max(sum(widths[:across]), 6.0), 15.0)
    picture = new_figure(width, 4.2 * down)
    ratios = widths[:across] if down == 1 else None
    panels = picture.subplots(down, across, squeeze=False, sharey=True, width_ratios=ratios)
    for axes, setting in zip(panels.flat, settings, strict=False):
        places = arrange(axes, setting)
        draw_runs(axes, [places[value] for value in setting.values], values, COLOURS[0])
        owns: dict[Value, Values] = {value: [] for value in places}
        for value, y in zip(setting.values, values, strict=True):
            owns[value].append(y)
        for value, own in owns.items():
            place = places[value]
            if len(settings) == 1:
                draw_mean(axes, place, own, COLOURS[0], bar=16)
            elif len(counted := [y for y in own if y is not None]) > 1:
                axes.plot(place, np.median(counted), "_", color=COLOURS[0], markersize=22)
    for axes in panels.flat[len(settings) :]:
        axes.set_axis_off()
    finish(comparison, list(panels[:, 0]), values, bar="" if len(settings) == 1 else "median")
    picture.savefig(file)
    return True


def measured(comparison: Comparison) -> Values:
    """The metric of each run that finished, where it is on the scale."""
    low, high = view(comparison)
    found = (
        run.figures.get(comparison.metric, math.nan) if run.finished else math.nan
        for run in comparison.runs
    )
    return [value if low <= value <= high and abs(value) < LARGEST else None for value in found]


def ordered(setting: Setting) -> list[Value]:
    """A setting's values: numbers by size, others as they came."""
    values = list(dict.fromkeys(setting.values))
    return sorted(values, key=float) if setting.numeric else values


def arrange(axes: "Axes", setting: Setting) -> dict[Value, float]:
    """Set the horizontal axis for a setting's values; where on it each stands."""
    values = ordered(setting)
    axes.set_xlabel(text(setting.name))
    numbers = [float(value) for value in values] if setting.numeric else []
    if spans(numbers, 10):
        room = (numbers[-1] / numbers[0]) ** 0.08
        set_log(axes, "x", numbers[0] / room, numbers[-1] * room)
        if len(numbers) <= 8:
            axes.set_xticks(numbers, [tick(value) for value in values])
            axes.minorticks_off()
        return dict(zip(values, numbers, strict=True))
    if setting.numeric and not (numbers[0] == 0 and spans(numbers[1:], 10)):
        if len(numbers) <= 8:
            axes.set_xticks(numbers, [tick(value) for value in values])
        return dict(zip(values, numbers, strict=True))
    axes.set_xticks(range(len(values)), [tick(value) for value in values])
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.grid(visible=False, axis="x")
    return {value: float(place) for place, value in enumerate(values)}


def tick(value: Value) -> str:
    """A value below its place on an axis, a word a line."""
    return text(shown(value)).replace(" ", "\n")


def _width(setting: Setting) -> float:
    """Inches a panel needs, for its ticks not to run into each other."""
    if setting.numeric:
        return 4.5
    words = [word for value in set(setting.values) for word in str(value).split(" ")]
    return max(3.0, 0.8 + len(set(setting.values)) * (0.2 + 0.085 * max(map(len, words))))


def draw_runs(
    axes: "Axes", places: Sequence[float], values: Values, colour: str, *, aside: float = 0.0
) -> None:
    """A dot a run, or a cross at the edge, so many crosses aside."""
    from matplotlib.transforms import ScaledTranslation

    dots = [(x, y) for x, y in zip(places, values, strict=True) if y is not None]
    axes.plot([x for x, _ in dots], [y for _, y in dots], "o", color=colour, ms=4.5, alpha=0.6)
    crosses = sorted({x for x, y in zip(places, values, strict=True) if y is None})
    if not crosses:
        return
    inches = axes.figure.dpi_scale_trans
    edge = axes.get_xaxis_transform() + ScaledTranslation(aside / 9, 0, inches)
    axes.plot(
        crosses, [1.0] * len(crosses), "x", color=colour, clip_on=False, transform=edge, zorder=5
    )


def draw_mean(
    axes: "Axes", place: float, values: Values, colour: str, *, bar: float = 0.0
) -> float | None:
    """The mean of the runs that count, with their deviation; None if none does."""
    counted = [value for value in values if value is not None]
    if not counted:
        return None
    mean = float(np.mean(counted))
    if len(counted) > 1:
        spread = float(np.std(counted, ddof=1))
        axes.errorbar(place, mean, yerr=spread, fmt="_", color=colour, markersize=bar, capsize=3)
    return mean


def finish(
    comparison: Comparison, left: Sequence["Axes"], values: Values, *, bar: str = ""
) -> None:
    """Scale and name the vertical axis, and say what bars and crosses are."""
    counted = [value for value in values if value is not None]
    for axes in left:
        axes.set_ylabel(comparison.metric)
        if comparison.mode == "min" and spans(counted, 20):
            room = (max(counted) / min(counted)) ** 0.06
            set_log(axes, "y", min(counted) / room, max(counted) * room)
    notes = [f"bar: {bar}"] if bar else []
    if None in values:
        notes.append("×: did not finish, or off the scale")
    aside = f" ({'; '.join(notes)})" if notes else ""
    left[0].set_title(text(f"{comparison.title}: {comparison.metric}{aside}"), pad=12)
