"""Curves on a page, of which a value can be read at the pointer, without Matplotlib.

The lines are SVG that is stretched to the page's width; all words are HTML over it, so they keep
their size on a telephone. The page has the points as JSON for the lines of script in `frame.html`.
Trade-off: a long curve is thinned to the lowest and highest value of each stretch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from seedbed.report.scales import finite, spans

Points = Sequence[tuple[float, float]]

MOST_POINTS = 400
"""Points of a line, where few share a chart."""

SIDE = 1000
"""Units of the drawing's width and height."""

TICKS = 5
"""Marks on an axis, about."""


@dataclass(frozen=True)
class Line:
    """A line of a chart."""

    name: str
    """What it is, for the legend and beside its value; empty where neither has room for it."""
    points: Points
    colour: str
    """As CSS has it."""
    look: Literal["solid", "dashed", "faint"] = "solid"
    """A faint one is in the background: its values do not decide how high the chart goes."""


@dataclass(frozen=True)
class Chart:
    """Lines over one horizontal axis.

    Args:
        title: What they show.
        lines: At least one, with at least one point in all.
        across: What the horizontal axis is, as `training step`.
        limits: The least and greatest value that is worth showing.
        falls: Whether small values are the ones to see, on a logarithmic scale if far apart.
        dots: Places to mark, each with its name.
        most: Points of a line; of a longer one as many of its lowest and highest.
    """

    title: str
    lines: Sequence[Line]
    across: str = "training step"
    limits: tuple[float, float] = (-math.inf, math.inf)
    falls: bool = False
    dots: Sequence[tuple[float, float, str]] = ()
    most: int = MOST_POINTS

    @property
    def alt(self) -> str:
        """What is shown, for readers who cannot see it: each line's first and last value."""
        ends = [
            f"{line.name} from {short(line.points[0][1])} to {short(line.points[-1][1])}"
            for line in self.lines
            if line.points and line.name
        ]
        low, high = self._across
        return f"{self.title}, {self.across} {low:g} to {high:g}: {'; '.join(ends)}."

    @cached_property
    def _across(self) -> tuple[float, float]:
        xs = [x for line in self.lines for x, _ in line.points]
        low, high = min(xs), max(xs)
        return low, high if high > low else low + 1

    @cached_property
    def _values(self) -> list[float]:
        low, high = self.limits
        clear = [line for line in self.lines if line.look != "faint"] or self.lines
        values = finite(y for line in clear for _, y in line.points)
        return [y for y in values if low <= y <= high] or values or [0.0]

    @cached_property
    def logarithmic(self) -> bool:
        """Whether equal ratios are equally far apart."""
        return self.falls and spans(self._values, 20)

    @cached_property
    def _up(self) -> tuple[float, float]:
        """The vertical axis' ends; logarithms, if it is logarithmic."""
        low, high = (self._scaled(value) for value in (min(self._values), max(self._values)))
        room = 0.04 * (high - low) or abs(low) / 10 or 1.0
        return low - room, high + room

    def _scaled(self, value: float) -> float:
        if not self.logarithmic:
            return value
        return math.log10(value) if value > 0 else -math.inf

    def left(self, x: float) -> float:
        """How far to the right a place is, in percent."""
        low, high = self._across
        return round(100 * (x - low) / (high - low), 2)

    def top(self, y: float) -> float:
        """How far down a value is, in percent; one out of view stays near its edge."""
        low, high = self._up
        return round(min(max(100 * (high - self._scaled(y)) / (high - low), -20), 120), 2)

    @cached_property
    def _shown(self) -> list[tuple[Line, list[tuple[float, float]]]]:
        """Each line with those of its points that are drawn."""
        finite_points = (
            (line, [(x, y) for x, y in line.points if finite([y])]) for line in self.lines
        )
        return [(line, thinned(points, self.most)) for line, points in finite_points]

    @property
    def paths(self) -> list[tuple[Line, str]]:
        """Each line with its points as SVG draws them."""
        scale = SIDE / 100
        return [
            (
                line,
                "M" + "L".join(f"{self.left(x) * scale:g},{self.top(y) * scale:g}" for x, y in p),
            )
            for line, p in self._shown
            if len(p) > 1
        ]

    @property
    def marks(self) -> list[tuple[float, float, str, str]]:
        """Places to mark, in percent, with colour and name: `dots`, and lines of one point."""
        alone = [
            (*points[0], line.colour, line.name) for line, points in self._shown if len(points) == 1
        ]
        named = [(x, y, "var(--ink)", name) for x, y, name in self.dots]
        return [(self.left(x), self.top(y), c, n) for x, y, c, n in (*alone, *named)]

    @property
    def columns(self) -> list[tuple[float, str]]:
        """Marks of the horizontal axis, in percent, and what they say."""
        return [(self.left(x), f"{x:,.12g}") for x in ticks(*self._across)]

    @property
    def rows(self) -> list[tuple[float, str]]:
        """Marks of the vertical axis, in percent, and what they say."""
        low, high = self._up
        values = log_ticks(low, high) if self.logarithmic else ticks(low, high)
        return [(self.top(y), f"{y:,.6g}") for y in values]

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script reads values from."""
        return {
            "across": self.across,
            "ends": self._across,
            "lines": [
                [line.name, [[x, float(f"{y:.5g}")] for x, y in points]]
                for line, points in self._shown
                if line.name
            ],
        }


def thinned(points: Points, most: int) -> list[tuple[float, float]]:
    """As many points as a line needs: its ends, and the lowest and highest of each stretch."""
    if len(points) <= most:
        return [*points]
    stretch = math.ceil(2 * len(points) / most)
    kept = {0, len(points) - 1}
    for start in range(0, len(points), stretch):
        part = range(start, min(start + stretch, len(points)))
        kept |= {pick(part, key=lambda n: points[n][1]) for pick in (min, max)}
    return [points[number] for number in sorted(kept)]


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two others, about `TICKS`."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Numbers between two powers of ten: 1, 2 and 5 of each, or of many the ones alone."""
    steps = (1, 2, 5) if high - low < 3 else (1,)
    every = max(1, round((high - low) / TICKS)) if len(steps) == 1 else 1
    powers = range(math.floor(low), math.ceil(high) + 1, every)
    values = [step * 10.0**power for power in powers for step in steps]
    return [value for value in values if low <= math.log10(value) <= high]


def short(value: float) -> str:
    """A value as it is read beside a curve."""
    return f"{value:.4g}"
