"""The result of a comparison, in words: what is better, by how much, or what is undecided."""

import math

from seedbed.report.comparison import Comparison, Group
from seedbed.report.statistics import Difference

MOST = 8
"""Settings that the best is compared with, in words and by row."""

REASONABLE = 100
"""More seeds than anyone would add."""


def verdicts(comparison: Comparison) -> list[str]:
    """A line for each of the next best settings, and how it was decided."""
    repeated = comparison.repeated
    dropped = len(comparison.dropped)
    single = len(comparison.standing) - len(repeated) - dropped
    raced = [f"Dropped by the race, as shown to be worse: {dropped} settings."] if dropped else []
    if len(comparison.standing) < 2:
        return []
    if len(repeated) < 2:
        alone = (
            "With one seed each, nothing can be said about which is better: repeat with seeds=5."
        )
        return [alone] * bool(single) + raced
    best, *others = repeated
    differences = [comparison.difference(best, other) for other in others]
    lines = [
        line
        for other, difference in zip(others[:MOST], differences, strict=False)
        for line in (
            _verdict(comparison, best, other, difference),
            *([] if difference.decided else _shown_worse(comparison, other)),
        )
    ]
    if more := len(others) - MOST:
        worse = sum(difference.decided for difference in differences[MOST:])
        lines += [f"{best.label} and {more} more: better than {worse}."] if more > 0 else []
    if single:
        lines.append(f"About the {single} with one seed nothing can be said.")
    lines += raced
    unit = _unit(comparison)
    paired = all(difference.paired for difference in differences)
    test = f"t test, paired by {unit}" + ("" if paired else ", or Welch's without one")
    if comparison.shared:
        test += ", for rows that folds share corrected as by Nadeau and Bengio"
    pairs = differences[0].pairs
    correction = f", after Holm's correction for {pairs} pairs" if pairs > 1 else ""
    lines.append(f"Better: p < 0.05 ({test}; SciPy){correction}. Intervals: 95 %, of one pair.")
    return lines


def _verdict(comparison: Comparison, best: Group, other: Group, difference: Difference) -> str:
    gain = difference.mean if comparison.mode == "max" else 0.0 - difference.mean
    if gain < 0:
        best, other, gain = other, best, -gain
    seeds = f"({difference.seeds} {_unit(comparison)}s)"
    if not (gain or difference.half):
        return f"{best.label} and {other.label}: the same {seeds}"
    if difference.decided:
        low, high = short(gain - difference.half), short(gain + difference.half)
        span = low if low == high else f"{low} to {high}"
        return f"{best.label} is better than {other.label} by {span} {seeds}"
    decimals = _decimals(difference.half)
    seen = f"{gain:.{decimals}f} ± {difference.half:.{decimals}f}"
    among = f" among {difference.pairs} pairs" if gain > difference.half else ""
    return f"{best.label} or {other.label}: undecided{among}: {seen} {seeds}{_remedy(difference)}"


def _shown_worse(comparison: Comparison, other: Group) -> list[str]:
    """What a setting is shown to be worse than, where that is not the best: hence its rank."""
    for rival in comparison.repeated:
        if rival is other:
            break
        difference = comparison.difference(rival, other)
        if difference.decided and (difference.mean > 0) == (comparison.mode == "max"):
            return [_verdict(comparison, rival, other, difference)]
    return []


def _unit(comparison: Comparison) -> str:
    """What runs with equal settings differ in."""
    return "fold" if comparison.shared else "seed"


def _remedy(difference: Difference) -> str:
    """How many seeds would decide the difference that is seen, or if too many, a larger one."""
    if difference.shared:
        return ""
    for size in (abs(difference.mean), difference.half):
        more = difference.more_seeds(size)
        if more is not None and more <= REASONABLE:
            what = f"{more} more seed{'s' if more > 1 else ''}"
            return f"; about {what} would decide a difference of {short(size)}"
    return ""


def short(value: float) -> str:
    """A difference, to two digits."""
    return f"{value:,.{_decimals(abs(value))}f}"


def _decimals(size: float) -> int:
    """Decimals with which a number of this size has two digits."""
    return max(0, 1 - math.floor(math.log10(size))) if size > 0 else 4
