"""What part of an axis is worth showing, and whether on a logarithmic scale."""

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Literal

from seedbed.record.settings import LARGEST
from seedbed.report.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def finite(values: Iterable[float]) -> list[float]:
    """Those that are numbers, and no larger than an axis can show."""
    return [value for value in values if abs(value) < LARGEST]


def view(comparison: Comparison) -> tuple[float, float]:
    """The least and greatest value worth showing of the metric.

    What is worse than the start by more than all that the best run has gained since is left out, so
    that a divergent run does not flatten the others.
    """
    name = f"val/{comparison.metric.rpartition('/')[2]}"
    curves = [finite(y for _, y in run.curve(name, "step")) for run in comparison.runs]
    firsts = [curve[0] for curve in curves if curve]
    if not firsts:
        return -math.inf, math.inf
    reached = (run.figures.get(comparison.metric, math.nan) for run in comparison.runs)
    values = [*chain(*curves, finite(reached))]
    if comparison.mode == "max":
        start = min(firsts)
        return start - ((max(values) - start) or 1.0), math.inf
    start = max(firsts)
    return -math.inf, start + ((start - min(values)) or 1.0)


def spans(values: Sequence[float], ratio: float) -> bool:
    """Whether the values are positive and so far apart that a linear scale would hide the small."""
    return bool(values) and min(values) > 1 / LARGEST and max(values) / min(values) >= ratio


def set_log(axes: "Axes", side: Literal["x", "y"], low: float, high: float) -> None:
    """Make an axis logarithmic, from `low` to `high`, marked with plain numbers.

    It has no marks without a number: to make them takes as long as the rest of a picture.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    if side == "x":
        axes.set_xscale("log")
        axes.set_xlim(low, high)
    else:
        axes.set_yscale("log")
        axes.set_ylim(low, high)
    axis = axes.xaxis if side == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 300 else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
