"""A comparison in words and numbers: the terminal's table, `results.csv`, JSON, LaTeX."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from seedbed.files import place_csv
from seedbed.metric_directions import interval
from seedbed.report.comparison import Comparison, Group, Summary, duration, figure
from seedbed.report.rows import verdicts_by_row
from seedbed.report.verdicts import verdicts
from seedbed.terminal import aligned
from seedbed.terminal.console import console

MOST_ERRORS = 10
"""Failed runs whose error is shown below the table; the page has all."""

LAST = ("at the end", "in training")
"""The columns of the last validation: the metric, and what it was in training."""

BIAS_AND_VARIANCE = ("bias² + noise", "variance")
"""The columns that together are the mean squared error of the test, over repeats."""


def print_tables(comparisons: Sequence[Comparison]) -> None:
    """Print each ranking, and what must be said with it."""
    texts = []
    for comparison in comparisons:
        heads = columns(comparison)
        to_the_right = [number for number, (_, side) in enumerate(heads) if side == "right"]
        table = aligned([[name for name, _ in heads], *rows(comparison)], to_the_right)
        texts.append("\n".join([table, "", *remarks(comparison)]))
    console.print("\n\n\n".join(texts))


def columns(comparison: Comparison) -> list[tuple[str, Literal["left", "right"]]]:
    """The names and sides of the ranking's columns."""
    return [
        ("#", "right"),
        ("run", "left"),
        *((name, "right") for name in (comparison.metric, *comparison.headline)),
        *((name, "right") for name in LAST),
        *((name, "right") for name in BIAS_AND_VARIANCE if comparison.decomposed),
        ("n", "right"),
        ("state", "left"),
        ("steps", "right"),
        ("time", "right"),
    ]


def rows(comparison: Comparison) -> Iterator[list[str]]:
    """The ranking's cells."""
    shared = _shared(comparison)
    for rank, group in comparison.ranked:
        yield [
            "–" if rank is None else f"{rank}{'=' * (rank in shared)}",
            group.label,
            str(group.summary(comparison.metric) or "–"),
            *(_test(group, name) for name in comparison.headline),
            *(_mean(group.last(name)) for name in (comparison.metric, comparison.trained)),
            *(
                map(figure, group.bias_and_variance or (None, None))
                if comparison.decomposed
                else ()
            ),
            str(len(group.counted)),
            group.states,
            f"{group.steps:,.0f}",
            duration(group.seconds),
        ]


def remarks(comparison: Comparison) -> list[str]:
    """What the table alone would hide."""
    best = "lowest" if comparison.mode == "min" else "highest"
    of = (
        f" Runs with {comparison.of}; figures of different losses cannot be compared."
        if comparison.of
        else ""
    )
    lines = [
        f"By {comparison.metric} of the best checkpoint, the {best} first.{of}",
        *verdicts(comparison),
        *verdicts_by_row(comparison),
    ]
    if _shared(comparison):
        lines.append("=: no difference between these is shown.")
    times, opened = sum(comparison.openings), sum(map(bool, comparison.openings))
    lines.append(
        f"Test part opened {times} time{'s' * (times != 1)}, for {opened} of "
        f"{len(comparison.groups)} settings."
    )
    if 0 < opened < len(comparison.groups):
        lines.append("Test figures are shown of these only.")
    if implied := comparison.differences.implied:
        lines.append(f"Also different, as these are: {', '.join(implied)}.")
    if any(len(group.counted) > 1 for group in comparison.groups):
        unit = "folds or seeds" if any(group.folds for group in comparison.groups) else "seeds"
        lines.append(f"Means over n runs that differ only in their {unit}, ± their deviation.")
    if any(rank is None for rank, _ in comparison.ranked):
        lines.append(
            f"Runs without a rank have no {comparison.metric}, or did not finish; their figures "
            "are the best so far."
        )
    if limits := sorted({limit for run in comparison.runs for limit in run.partial}):
        lines.append(f"partial: on a part of the data alone, by {', '.join(limits)}.")
    failed = [run for run in comparison.runs if run.state == "failed"]
    lines += [f"failed: {run.path}: {run.error}" for run in failed[:MOST_ERRORS]]
    if len(failed) > MOST_ERRORS:
        lines.append(f"failed: {len(failed) - MOST_ERRORS} more")
    return lines


def write_results(comparison: Comparison, file: Path) -> None:
    """Write a row a run, the best group's first: settings that differ, and all metrics."""
    different = comparison.differences.columns
    metrics = sorted({name for run in comparison.runs for name in run.figures})
    numbers = {id(run): number for number, run in enumerate(comparison.runs)}
    lines = [
        [
            run.path,
            *(values[numbers[id(run)]] for values in different.values()),
            *(run.state, run.steps, run.seconds),
            *(run.figures.get(name) for name in metrics),
        ]
        for group in comparison.groups
        for run in group.runs
    ]
    place_csv(file, [["run", *different, "state", "steps", "seconds", *metrics], *lines])


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The ranking for programs, in plain types."""
    names = [setting.name for setting in comparison.differences.settings]
    groups = []
    for rank, group in comparison.ranked:
        known = sorted({name for run in group.counted for name in run.figures})
        measured = {name: asdict(found) for name in known if (found := group.summary(name))}
        groups.append(
            {
                "rank": rank,
                "label": group.label,
                "settings": dict(zip(names, group.values, strict=True)),
                "metrics": measured,
                "steps": group.steps,
                "seconds": group.seconds,
                "runs": [
                    {"path": str(run.path), "state": run.state, "partial": bool(run.partial)}
                    for run in group.runs
                ],
            }
        )
    return {
        "metric": comparison.metric,
        "mode": comparison.mode,
        "groups": groups,
        "verdicts": [*verdicts(comparison), *verdicts_by_row(comparison)],
    }


def _shared(comparison: Comparison) -> set[int]:
    """The ranks that several groups have; what a race has dropped was not compared further."""
    ranks = Counter(rank for rank, group in comparison.ranked if rank and not group.dropped)
    return {rank for rank, count in ranks.items() if count > 1}


def _test(group: Group, name: str) -> str:
    """A test's metric; of a single run with its interval."""
    [*tested] = (run for run in group.counted if name in run.figures)
    return _mean(group.summary(name)) + (
        interval(tested[0].figures, name) if len(tested) == 1 else ""
    )


def _mean(summary: Summary | None) -> str:
    return figure(summary.mean if summary else None)
