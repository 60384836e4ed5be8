"""What a line of the table is: two things, how they are compared, and what was found."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from benchmarks.timing import Pair, ratio, speedup
from seedbed.project import CONF


@dataclass(frozen=True)
class Target:
    """What a figure is compared with."""

    limit: float
    kind: Literal["at most", "at least"]
    text: str

    def met_by(self, figure: float) -> bool:
        """Whether a figure is good enough."""
        return figure <= self.limit if self.kind == "at most" else figure >= self.limit


def at_most(limit: float, text: str = "") -> Target:
    """A share of the baseline's cost, or a loss, that may not be exceeded."""
    return Target(limit, "at most", text or f"≤ {limit:g}")


def at_least(limit: float, text: str = "") -> Target:
    """A speed-up, or an accuracy, that is to be reached."""
    return Target(limit, "at least", text or f"≥ {limit:g}×")


@dataclass(frozen=True)
class Measured:
    """The result of a line."""

    figure: float
    """What the target is about; infinite where ours did not get there."""
    detail: str = ""
    """What else one should know: seeds, losses, seconds."""
    pairs: list[Pair] = field(default_factory=list)
    """Of a comparison, what each of the two cost each time."""
    circumstances: dict[str, Any] | None = None
    """Those of what was not done now but before, as `benchmarks.results` has them."""


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        name: What it is called on the command line; before the dot its group.
        what: What is measured.
        baseline: What it is compared with.
        target: What the figure should be.
        measure: Takes the measurement.
        experiment: What it trains, which may have been removed with its study.
        minutes: About how long that takes on two cores.
        long: Whether it trains for long, so that it is measured only when named.
    """

    name: str
    what: str
    baseline: str
    target: Target
    measure: Callable[[], Measured]
    minutes: float
    long: bool = False
    experiment: str = ""


def cost(pairs: Sequence[Pair], unit: str, detail: str = "") -> Measured:
    """Our cost as a share of the baseline's."""
    return Measured(ratio(pairs), _described(pairs, unit, detail), list(pairs))


def speed(pairs: Sequence[Pair], unit: str, detail: str = "") -> Measured:
    """Our speed as a multiple of the baseline's."""
    return Measured(speedup(pairs), _described(pairs, unit, detail), list(pairs))


def _described(pairs: Sequence[Pair], unit: str, detail: str) -> str:
    ours, baseline = (median(side) for side in zip(*pairs, strict=True))
    text = f"{_short(ours)} against {_short(baseline)} {unit}, {len(pairs)} pairs"
    return f"{text}; {detail}" if detail else text


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def removed(command: str) -> str | None:
    """What a command chooses that is not there, as its study was removed; None if all is."""
    for group, names in re.findall(r"(?<!\S)(experiment|sweep|data)=([\w,]+)", command):
        for name in names.split(","):
            if not (CONF / group / f"{name}.yaml").is_file():
                return f"{group}={name}"
    return None
