"""What a run's opening lines say of a table: what its columns are used as, and what is suspect.

No column is left out because it gives the answer away: some causes are that strong. The remark says
what to type to leave it out.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from seedbed.data.columns import Cells, Column, Kind
from seedbed.data.parts import Parts

if TYPE_CHECKING:
    import polars as pl

NAMES: dict[Kind, str] = {
    "number": "numbers",
    "boolean": "booleans",
    "category": "categories",
    "embedded": "embedded",
    "date": "dates",
}
"""The kinds of columns, of several."""

FEW = 20
"""Rows below which anything may look like anything."""

NEARLY = 0.98
"""The share of the target's variation from which on a column nearly determines it."""

LOOKED_AT = 10_000
"""About how many rows are looked at for columns that determine the target."""

SHOWN = 10
"""How many classes are listed."""


def remarks_on(
    columns: Sequence[Column],
    read: Mapping[str, Cells],
    target: str,
    *,
    labels: Sequence[str],
    values: np.ndarray,
    parts: Parts,
) -> Iterator[str]:
    """Say what the columns are, and which of them are suspect.

    Args:
        columns: As they were fitted.
        read: Their cells.
        target: The name of the column to predict.
        labels: Its classes, if it has any.
        values: Its numbers, or numbers of classes (N,).
        parts: The rows' parts; only training rows are looked at for suspects.
    """
    train = parts[0].numpy()
    kinds = Counter(column.kind for column in columns)
    sizes = " and ".join(f"{len(c.levels):,}" for c in columns if c.kind == "embedded")
    counted = ", ".join(
        f"{kinds[kind]} {several if kinds[kind] > 1 else kind}"
        + f" ({sizes} levels)" * (kind == "embedded")
        for kind, several in NAMES.items()
        if kinds[kind]
    )
    gaps = sum(int(read[column.name].gaps.sum()) for column in columns) / (
        len(columns) * len(values)
    )
    missing = f"{max(round(100 * gaps), 1)} % of cells missing; " if gaps else ""
    plural = "s" if len(columns) > 1 else ""
    yield f"{len(columns)} column{plural}: {counted}; {missing}target {target}"
    for column in columns:
        cells = read[column.name].values
        is_words = column.kind in ("category", "embedded")
        if is_words and (n := cells.n_unique()) > len(column.levels) + 1:
            yield f"{column.name}: {n:,} levels, {len(column.levels)} of them kept apart"
    if labels:
        counts = np.bincount(values, minlength=len(labels)).tolist()
        pairs = [*zip(labels, counts, strict=True)]
        more = f" and {len(pairs) - SHOWN} more" if len(pairs) > SHOWN else ""
        yield f"classes: {', '.join(f'{label} {n:,}' for label, n in pairs[:SHOWN])}{more}"
    yield from _suspicions(read, values[train], train, classes=bool(labels))


def _suspicions(
    read: Mapping[str, Cells], answers: np.ndarray, train: np.ndarray, *, classes: bool
) -> Iterator[str]:
    """Say which columns number the rows, or nearly determine the training rows' answers (n,)."""
    if len(train) < FEW:
        return
    step = max(len(train) // LOOKED_AT, 1)
    train, answers = train[::step], answers[::step]
    for name, cells in read.items():
        remedy = f"to leave it out, 'data.drop=[\"{name}\"]'"
        if cells.kind == "number" and _numbers_rows(cells.values):
            yield f"warning: column {name!r} looks like a row number; {remedy}"
        if _explained_by(cells, answers, train, classes=classes) > NEARLY:
            yield (
                f"warning: column {name!r} by itself nearly determines the target; if that is "
                f"known only afterwards, {remedy}"
            )


def _numbers_rows(values: np.ndarray) -> bool:
    return all(bool((np.diff(some) == 1).all()) for some in (values[:LOOKED_AT], values))


def _explained_by(cells: Cells, answers: np.ndarray, train: np.ndarray, *, classes: bool) -> float:
    """How much of the answers (n,) a column's own training cells explain, from 0 to 1.

    Of a number: its squared correlation; of classes, how much rarer than by chance one follows
    another in the number's order. Of words: the share of the variance that is between them; of
    classes, how much rarer than by the commonest class a word's commonest is wrong.
    """
    if isinstance(cells.values, np.ndarray):
        values = cells.values[train]
        there = ~np.isnan(values)
        values, answers = values[there], answers[there]
        if len(values) < FEW or values.min() == values.max() or answers.min() == answers.max():
            return 0.0
        if classes:
            return _separated(values, answers)
        unit = max(abs(values).max(), 1e-300)
        return float(np.corrcoef(values / unit, answers)[0, 1] ** 2)
    return _explained_by_words(cells.values[train], answers, classes=classes)


def _explained_by_words(words: "pl.Series", answers: np.ndarray, *, classes: bool) -> float:
    groups = words.rank("dense").to_numpy().astype(np.int64) - 1
    sizes = np.bincount(groups)
    if len(sizes) > len(answers) / 5 or answers.min() == answers.max():
        return 0.0
    if classes:
        table = np.zeros((len(sizes), int(answers.max()) + 1))
        np.add.at(table, (groups, answers), 1)
        rest = len(answers) - table.sum(axis=0).max()
        return float(1 - (len(answers) - table.max(axis=1).sum()) / rest)
    means = np.bincount(groups, answers) / sizes
    between = float(((means[groups] - answers.mean()) ** 2).sum())
    return between / float(((answers - answers.mean()) ** 2).sum())


def _separated(values: np.ndarray, answers: np.ndarray) -> float:
    # Among equal values rows stand in any order; theirs may be by class, as stratified parts are.
    mixed = np.random.default_rng(0).permutation(len(values))
    ordered = answers[mixed][np.argsort(values[mixed], kind="stable")]
    shares = np.bincount(answers) / len(answers)
    needed = (shares > 0).sum() - 1
    chance = len(answers) * (1 - (shares**2).sum())
    return float(1 - ((np.diff(ordered) != 0).sum() - needed) / max(chance - needed, 1))
