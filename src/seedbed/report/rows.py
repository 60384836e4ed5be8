"""Whether two nets differ by more than the test part's chance: paired by row, by SciPy.

Of runs that were tested and kept the figures of each example. The settings that are best on
validation are compared with each other one: a permutation test, corrected by Holm, and the
bootstrap's interval. It compares these nets only: what other seeds would give is
shown by runs with other seeds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from seedbed.errors import RunError
from seedbed.record.files import read_table
from seedbed.record.run import Run
from seedbed.report.comparison import Comparison, Group
from seedbed.report.statistics import LEVEL, holm
from seedbed.report.verdicts import MOST, short

FILE = "test_rows.csv"

DRAWS = 1999

CELLS = 2_000_000
"""Rows times draws that are held at a time."""

Values = np.ndarray[Any, np.dtype[np.float64]]


def verdicts_by_row(comparison: Comparison) -> list[str]:
    """A line for each of the next best settings, and how it was decided; none without rows."""
    name = comparison.metric.rpartition("/")[2]
    tested = [group for group in comparison.standing[: MOST + 1] if any(map(_may_have, group.runs))]
    rows = {group: found for group in tested if (found := _rows(group, name))}
    if len(rows) < 2 or (best := comparison.standing[0]) not in rows:
        return []
    values, targets = rows.pop(best)
    others = {
        group: theirs
        for group, (theirs, wanted) in rows.items()
        if len(theirs) == len(values) and wanted == targets
    }
    if not others:
        return []
    sign = -1 if comparison.mode == "min" else 1
    each = [compared(sign * (values - theirs)) for theirs in others.values()]
    corrected = holm(np.array([p for *_, p in each]))
    lines = []
    for group, (low, high, _), p in zip(others, each, corrected, strict=True):
        if p < LEVEL:
            pair = (best, group, low, high) if low + high > 0 else (group, best, -high, -low)
            one, other, least, most = pair
            lines.append(
                f"{one.label}: better than {other.label} by {short(least)} to {short(most)}"
            )
        else:
            both = f"{'-' * (low < 0)}{short(abs(low))} to {'-' * (high < 0)}{short(abs(high))}"
            lines.append(f"{best.label} or {group.label}: undecided: {both}")
    pairs = f", after Holm's correction for {len(others)} pairs" if len(others) > 1 else ""
    head = f"Of these nets only, by test/{name} of the same {len(values):,} rows "
    return [f"{head}(permutation test and bootstrap, paired by row; SciPy){pairs}:", *lines]


def compared(differences: Values) -> tuple[float, float, float]:
    """The 95 % interval of the mean of differences (N,), and how likely chance gives as much."""
    from scipy import stats

    batch = max(1, CELLS // len(differences))
    if not differences.any():
        return 0.0, 0.0, 1.0
    test = stats.permutation_test(
        (differences, np.zeros_like(differences)),
        lambda one, other, axis: np.mean(one - other, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=DRAWS,
        batch=batch,
        rng=np.random.default_rng(0),
    )
    ends = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=DRAWS,
        batch=batch,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(ends.low), float(ends.high), float(test.pvalue)


def _may_have(run: Run) -> bool:
    return run.finished and bool(run.openings)


def _rows(group: Group, name: str) -> tuple[Values, Sequence[float | None]] | None:
    """A figure of each test row, the mean over a group's runs, and the targets, if kept."""
    tables = []
    for run in filter(_may_have, group.runs):
        try:
            tables.append(read_table(run.path / FILE))
        except RunError:
            continue
    tables = [table for table in tables if None not in table.get(name, [None])]
    if not tables or any(not _same_rows(table, tables[0], name) for table in tables):
        return None
    values = np.array([table[name] for table in tables], dtype=float).mean(axis=0)
    return (values, tables[0].get("target", [])) if len(values) > 1 else None


def _same_rows(table: dict[str, Any], other: dict[str, Any], name: str) -> bool:
    return len(table[name]) == len(other[name]) and table.get("target") == other.get("target")
