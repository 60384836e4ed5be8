"""What varies in a sweep, written in Hydra's override syntax.

A point has a value for each setting that varies. Values are kept as the text an override has, each
in one spelling: `lr=1e-2` and `lr=0.01` are the same point, and lead to the same directory.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, QuotedString, Sweep
from hydra.errors import HydraException

from seedbed.errors import SettingError

Point = dict[str, str]
"""Values by setting, both as on a command line."""

LONGEST_NAME = 80
"""Characters of a job's name before its hash."""


@dataclass(frozen=True)
class Choice:
    """One of several values: `a,b`, `choice(a,b)`, `glob(*)`, or a `range`, whose order counts."""

    key: str
    values: tuple[str, ...]
    ordered: bool = False


@dataclass(frozen=True)
class Interval:
    """Any number between two: `interval(0,1)`, `int(interval(1,9))`, `tag(log,interval(…))`."""

    key: str
    low: float
    high: float
    log: bool

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def values(self) -> tuple[str, str]:
        """Its ends, to try first whether they are settings at all."""
        return str(self.low), str(self.high)


Dimension = Choice | Interval
Space = Sequence[Dimension]


def fixed(overrides: Iterable[Override]) -> tuple[str, ...]:
    """The overrides that are the same for all points, as they were written."""
    return tuple(str(o.input_line) for o in overrides if not o.is_sweep_override())


def space(overrides: Iterable[Override]) -> tuple[Dimension, ...]:
    """What varies.

    Raises:
        SettingError: If a space cannot be searched as it is written.
    """
    return tuple(_dimension(override) for override in overrides if override.is_sweep_override())


def overrides_of(point: Point) -> list[str]:
    """A point as a command line has it."""
    return [f"{key}={value}" for key, value in point.items()]


def grid(dimensions: Space) -> list[Point]:
    """All combinations, the last setting varying fastest.

    Raises:
        SettingError: If there is an interval, which has no end of values.
    """
    for dimension in dimensions:
        if isinstance(dimension, Interval):
            raise SettingError(
                f"{dimension.key}: an interval has no end of values; for a grid list some, as "
                f"{dimension.key}={','.join(dimension.values)}, or choose algorithm=random or tpe."
            )
    keys = [dimension.key for dimension in dimensions]
    values = product(*(dimension.values for dimension in dimensions))
    return [dict(zip(keys, combination, strict=True)) for combination in values]


def each_value(dimensions: Space) -> Iterator[Point]:
    """Points in which each value, and each end of an interval, comes up once."""
    first = {dimension.key: dimension.values[0] for dimension in dimensions}
    yield first
    for dimension in dimensions:
        for value in dimension.values[1:]:
            yield first | {dimension.key: value}


def job_key(point: Point, repeat: int) -> str:
    """A job's name: its point in short, to be read, and a hash of all, to be unique."""
    words = [f"{key.rpartition('.')[2]}-{value}" for key, value in sorted(point.items())]
    if repeat or not words:
        words.append(f"repeat-{repeat}")
    name = re.sub(r"[^\w.+-]+", "-", "_".join(words))[:LONGEST_NAME]
    return f"{name.strip('-.')}-{digest([sorted(point.items()), repeat])}"


def digest(content: object) -> str:
    """Eight characters that stand for some plain content."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]


def _dimension(override: Override) -> Dimension:
    key, sweep = override.get_key_element(), override.value()
    tags = sweep.tags if isinstance(sweep, Sweep) else set()
    log = "log" in tags
    if tags - {"log"} or (log and not isinstance(sweep, IntervalSweep)):
        raise SettingError(
            f"{override.input_line}: expected no tag but log, and that on an interval only."
        )
    if isinstance(sweep, IntervalSweep):
        assert sweep.start is not None
        assert sweep.end is not None
        if sweep.start > sweep.end or (log and sweep.start <= 0):
            raise SettingError(
                f"{override.input_line}: expected the lower end first"
                + (", above 0 for logarithms." if log else ".")
            )
        return Interval(key, sweep.start, sweep.end, log)
    values = dict.fromkeys(map(_written, override.sweep_iterator()))
    if not values:
        raise SettingError(f"{override.input_line}: expected at least one value.")
    return Choice(key, tuple(values), override.is_range_sweep())


def _written(value: Any) -> str:
    """A value as an override has it, without quotes it can do without."""
    if isinstance(value, QuotedString) and _is_bare(value.text):
        return value.text
    return Override._get_value_element_as_str(value)


def _is_bare(text: str) -> bool:
    """Whether a text means itself without quotes."""
    try:
        parsed: object = OverridesParser.create().parse_override(f"_={text}").value()
    except HydraException:
        return False
    return parsed == text
