"""From a table's columns to a net's inputs: what each column is, fitted, kept, applied to new rows.

A column's kind is inferred from all of its cells, as a file's form is. What is fitted to it is
the training part's alone: mean and deviation, the median that fills gaps, the levels of a category.
A fitted `Column` is plain data that a checkpoint holds, so that new rows become the same inputs.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from seedbed.data.table_file import TableFile
from seedbed.errors import DataError

if TYPE_CHECKING:
    import polars as pl

LARGEST = 1e38
"""From about here on, numbers are not finite in the single precision that nets compute in."""

GAPS = (
    *("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "null", "NULL", "None", "?"),
    *("-", "."),
)
"""Cells that say there is nothing."""

YES = {"true": "false", "yes": "no", "y": "n", "t": "f", "on": "off"}
"""Words for 1, and those for 0 beside them."""

LOOKS_LIKE_A_NUMBER = r"^[+-]?[\d.,'_ ]*\d[\d.,'_ ]*([eE][+-]?\d+)?$"
"""What is meant as a number, though it may be none, as 2018_01 or 1.5.2."""

DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m"),
    *("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.fZ"),
    *("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"),
    *("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"),
    *("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M"),
)
"""The forms of dates that are known."""

DAY = 86_400_000_000
"""Its microseconds."""

BLOCK = 2**14
"""Rows that are made into inputs together."""

EXACT = 2**16
"""Up to so many numbers are summed without any rounding; of more, so many partial sums."""

Kind = Literal["number", "boolean", "category", "embedded", "date"]
"""Of numbers, words and dates; `embedded` is a category whose only input is its level's number."""


@dataclass(frozen=True)
class Column:
    """What a column is, and what was fitted to it."""

    name: str
    kind: Kind
    mean: float = 0.0
    deviation: float = 1.0
    """Of numbers, of booleans as 0 and 1, and of dates as days since 1970."""
    fill: float = 0.0
    """Their median, which fills gaps."""
    has_gaps: bool = False
    """Whether an input marks the gaps."""
    levels: list[str] = field(default_factory=list)
    """Of a category: those with an input of their own, or a number, from 1; all others share one
    more input, or are 0."""
    form: str = ""
    """Of dates: how they are written."""
    parts: dict[str, list[int]] = field(default_factory=dict)
    """Of dates: the months, weekdays and hours there are, with an input each."""

    @property
    def width(self) -> int:
        """How many inputs it becomes."""
        if self.kind == "category":
            return len(self.levels) + 1
        if self.kind == "embedded":
            return 1
        return 1 + self.has_gaps + sum(map(len, self.parts.values()))

    @property
    def scale(self) -> list[float]:
        """Mean and deviation."""
        return [self.mean, self.deviation]


def scaled_numbers(scale: Mapping[str, Sequence[float]]) -> list[Column]:
    """Columns of numbers of which the mean and deviation are all that is known."""
    return [Column(name, "number", mean, d, fill=mean) for name, (mean, d) in scale.items()]


# --- what a column is -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Cells:
    """A column's cells as numbers (N,), NaN where there is a gap; of a category, its words."""

    kind: Kind
    values: Any
    """A NumPy array, or a Polars series of words."""
    form: str = ""

    @property
    def gaps(self) -> np.ndarray:
        """Where there is nothing, (N,) bool."""
        if isinstance(self.values, np.ndarray):
            return np.isnan(self.values)
        return (self.values == "").to_numpy()  # type: ignore[no-any-return]


def cells_of(
    file: TableFile, names: Sequence[str], *, categories: Iterable[str] = ()
) -> Iterator[tuple[str, Cells | None]]:
    """Infer what each of these columns is, and read it; None where all its cells are gaps.

    Raises:
        DataError: Naming the place of a cell that is not as the rest of its column is.
    """
    wanted = [name for name in names if name not in {*categories}]
    numbers = file.numbers(wanted)
    gaps = dict(zip(wanted, numbers.null_count().row(0), strict=True))
    for name in names:
        if name in gaps and not gaps[name] and _is_finite(numbers[name]):
            yield name, Cells("number", numbers[name].to_numpy())
        else:
            yield name, _inferred(file, name, numbers[name] if name in gaps else None)


def _is_finite(numbers: "pl.Series") -> bool:
    low, high = numbers.min(), numbers.max()  # NaN is in neither
    return (
        isinstance(low, float)
        and isinstance(high, float)
        and -LARGEST < low <= high < LARGEST
        and not numbers.is_nan().any()
    )


def _inferred(file: TableFile, name: str, numbers: "pl.Series | None") -> Cells | None:
    """What a column is of which some cells are no numbers; `numbers` is None for a category."""
    texts = file.texts(name)
    there = ~texts.is_in(GAPS)
    words = texts.filter(there)
    if not len(words):
        return None
    if numbers is None:
        return Cells("category", _words(texts))
    if not numbers.filter(there).null_count():
        return Cells("number", _numbers(file, name, numbers, there))
    levels = {word.lower() for word in words.unique().to_list()} if words.n_unique() < 5 else set()
    if levels and any(levels <= {yes, no} for yes, no in YES.items()):
        return Cells("boolean", booleans(file, name))
    if form := _form(file, name, words):
        return Cells("date", dates(file, name, form), form)
    if words.str.contains(LOOKS_LIKE_A_NUMBER).sum() > len(words) / 2:
        _numbers(file, name, numbers, there)  # which names the first that is none
    return Cells("category", _words(texts))


def numbers(file: TableFile, name: str) -> np.ndarray:
    """A column as numbers (N,), NaN where there is a gap.

    Raises:
        DataError: Naming the place of a cell that is something else.
    """
    return _numbers(file, name, file.numbers([name])[name], ~file.texts(name).is_in(GAPS))


def _numbers(file: TableFile, name: str, numbers: "pl.Series", there: "pl.Series") -> np.ndarray:
    values = numbers.fill_null(np.nan).to_numpy()
    wrong = there.to_numpy() & ~(abs(values) < LARGEST)  # true of NaN too
    if wrong.any():
        _refuse(file, name, int(wrong.argmax()), "a finite number")
    return np.where(there.to_numpy(), values, np.nan)


def booleans(file: TableFile, name: str) -> np.ndarray:
    """A column of words for yes and no as 1.0 and 0.0 (N,), NaN where there is a gap."""
    texts = file.texts(name)
    words = texts.str.to_lowercase().to_numpy()
    values = np.full(len(words), np.nan)
    values[np.isin(words, [*YES])], values[np.isin(words, [*YES.values()])] = 1.0, 0.0
    wrong = np.isnan(values) & ~texts.is_in(GAPS).to_numpy()
    if wrong.any():
        _refuse(file, name, int(wrong.argmax()), "true or false")
    return values


def dates(file: TableFile, name: str, form: str) -> np.ndarray:
    """A column of dates as days since 1970 (N,), NaN where there is a gap."""
    texts = file.texts(name)
    values: np.ndarray = _moments(texts, form).cast(float).to_numpy() / DAY
    wrong = np.isnan(values) & ~texts.is_in(GAPS).to_numpy()
    if wrong.any():
        _refuse(file, name, int(wrong.argmax()), f"a date as {form}")
    return values


def _moments(texts: "pl.Series", form: str) -> "pl.Series":
    """Microseconds since 1970; null for what is no date."""
    if form == "%Y-%m":
        texts, form = texts + "-01", "%Y-%m-%d"
    return texts.str.to_datetime(form, strict=False, time_unit="us").to_physical()


def _form(file: TableFile, name: str, words: "pl.Series") -> str:
    """How all the words are written as dates; empty if they are none."""
    few = words.head(20)
    forms = [f for f in DATES if not _moments(few, f).null_count()]
    forms = [f for f in forms if not _moments(words, f).null_count()]
    if len(forms) > 1:
        raise DataError(
            f"{file.path}, column {name!r}: {words[0]!r} may be the day or the month first, and no "
            f"row decides it. Write dates as 2026-01-31, or leave it out: data.drop=[{name}]."
        )
    return forms[0] if forms else ""


def _words(texts: "pl.Series") -> "pl.Series":
    """Words of a category; a gap is a level of its own, without a name."""
    import polars as pl

    return pl.select(pl.when(texts.is_in(GAPS)).then(pl.lit("")).otherwise(texts)).to_series()


def _refuse(file: TableFile, name: str, index: int, expected: str) -> None:
    raise DataError(
        f"{file.place(index, name)}: expected {expected}, got {file.texts(name)[index]!r}. "
        f"To leave the column out, data.drop=[{name}]; "
        f"to take its cells as words, data.categories=[{name}]."
    )


# --- what is fitted -------------------------------------------------------------------------------


def fit(
    name: str, cells: Cells, train: np.ndarray, *, most_levels: int, embed: bool = False
) -> Column:
    """Fit a column to its training rows, whose numbers are `train`.

    Args:
        name: The column's.
        cells: Of all rows.
        train: The training rows' numbers (n,).
        most_levels: How many levels of a category have an input of their own.
        embed: Whether one that has more is embedded, each of its levels kept apart.
    """
    if cells.kind == "category":
        levels = _levels(cells.values[train])
        if embed and len(levels) > most_levels:
            return Column(name, "embedded", levels=sorted(levels))
        return Column(name, "category", levels=sorted(levels[:most_levels]))
    values = np.asarray(cells.values)[train]
    missing = np.isnan(values)
    present = values[~missing]
    if not len(present):
        return Column(name, cells.kind, has_gaps=True, form=cells.form)
    mean, deviation = mean_and_deviation(present)
    return Column(
        name,
        cells.kind,
        mean,
        deviation,
        fill=float(np.median(present)),
        has_gaps=bool(missing.any()),
        form=cells.form,
        parts=_parts_of(present) if cells.kind == "date" else {},
    )


def _levels(words: "pl.Series") -> list[str]:
    """The levels, the commonest first; what was seen once teaches the input of all others."""
    counts = words.value_counts(sort=True, name="count")
    common: list[str] = counts.filter(counts["count"] > 1)[words.name].to_list()
    return common


def _calendar(days: np.ndarray) -> dict[str, np.ndarray]:
    """Month from 1, weekday from Monday as 0, and hour, of days since 1970 (N,), int64 each."""
    whole = np.floor(days)
    months = whole.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    hours = np.floor((days - whole) * 24 + 1e-6)  # a day's share is rounded
    return {
        "month": months,
        "weekday": (whole.astype(np.int64) + 3) % 7,
        "hour": hours.astype(np.int64),
    }


def _parts_of(days: np.ndarray) -> dict[str, list[int]]:
    found = {part: np.unique(values).tolist() for part, values in _calendar(days).items()}
    return {part: values for part, values in found.items() if len(values) > 1}


def mean_and_deviation(values: np.ndarray) -> tuple[float, float]:
    """Of numbers (N,), the same to the last digit on any machine.

    A column that never changes has no deviation to divide by; it becomes 0.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:  # of 0.1, say, the mean would be off in the last digit
        return low, 1.0
    mean = _sum(values) / len(values)
    unit = high - low if high - low < 1e-100 else 1.0  # of the smallest the squares would be 0
    deviation = unit * math.sqrt(_sum(((values - mean) / unit) ** 2) / len(values))
    return (mean, deviation) if deviation else (mean, 1.0)


def _sum(values: np.ndarray) -> float:
    while len(values) > EXACT:
        half = len(values) // 2
        values = np.concatenate([values[:half] + values[half : 2 * half], values[2 * half :]])
    return math.fsum(values.tolist())


# --- and applied ----------------------------------------------------------------------------------


def read_inputs(file: TableFile, columns: Sequence[Column]) -> Tensor:
    """Inputs (N, widths) of a file with these columns, as they were fitted.

    Raises:
        DataError: Naming the place of what is not of the column's kind.
    """
    file.check_names([column.name for column in columns])
    read = ((column, _read(file, column)) for column in columns)
    return inputs_of(len(file), read)


def _read(file: TableFile, column: Column) -> Any:
    if column.kind == "date":
        return dates(file, column.name, column.form)
    if column.kind in ("category", "embedded"):
        return _words(file.texts(column.name))
    return (booleans if column.kind == "boolean" else numbers)(file, column.name)


def inputs_of(rows: int, columns: Iterable[tuple[Column, Any]]) -> Tensor:
    """Inputs (rows, widths) from columns and their cells' values (rows,)."""
    columns = [*columns]
    inputs = np.zeros((rows, sum(column.width for column, _ in columns)), dtype=np.float32)
    start = 0
    for column, values in columns:
        place = inputs[:, start : start + column.width]
        # A block is what a core's cache holds; of levels each would need a dictionary of its own.
        step = rows if column.kind == "embedded" else BLOCK
        for at in range(0, rows, step):
            _encode(column, values[at : at + step], place[at : at + step])
        start += column.width
    return torch.from_numpy(inputs)


def _encode(column: Column, values: Any, inputs: np.ndarray) -> None:
    """Write a column's inputs (N, width) in place."""
    if column.kind == "category":
        for place, level in enumerate(column.levels):
            inputs[:, place] = (values == level).to_numpy()
        inputs[:, -1] = 1 - inputs[:, :-1].sum(axis=1)
        return
    if column.kind == "embedded":
        numbers = range(1, len(column.levels) + 1)
        inputs[:, 0] = values.replace_strict(column.levels, numbers, default=0).to_numpy()
        return
    missing = np.isnan(values)
    filled = np.where(missing, column.fill, values) if missing.any() else values
    with np.errstate(over="ignore"):  # a number may be as far off as it likes
        inputs[:, 0] = (filled - column.mean) / column.deviation
    if column.has_gaps:
        inputs[:, 1] = missing
    place = 1 + column.has_gaps
    if column.parts:
        calendar = _calendar(filled)
        for part, known in column.parts.items():
            for number in known:
                inputs[:, place] = (calendar[part] == number) & ~missing
                place += 1
