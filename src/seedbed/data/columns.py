"""Columns of numbers from a CSV file, each cell checked, a bad one named by its row and column.

Rows are counted as a spreadsheet counts them: the header is row 1. Read by Python's own csv
module; price: about a second for three million cells.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import DataError, nearest

LARGEST = 1e38
"""From about here on, numbers are not finite in the single precision that nets compute in."""


@dataclass(frozen=True)
class Columns:
    """What was read: the numbers of each column by its name, in the order of the rows."""

    path: Path
    rows: list[int]
    """The number of each row in the file."""
    target_name: str | None
    target: list[float]
    features: dict[str, list[float]]


Row = tuple[int, list[str]]
"""A row's number in its file, and its cells."""


def read_columns(path: Path, target: str | None, features: Sequence[str] | None = None) -> Columns:
    """Read columns, as `columns_of` takes them, from a file in UTF-8 with commas between cells."""
    return columns_of(read_rows(path), path, target, features)


def columns_of(
    rows: Iterable[Row], path: Path, target: str | None, features: Sequence[str] | None = None
) -> Columns:
    """Take the target, if there is one, and the features, which are all other columns where None.

    The first row is the header; columns not asked for may hold anything.

    Raises:
        DataError: Naming the first thing that is wrong.
    """
    rows = iter(rows)
    _, header = next(rows, (1, []))
    if not header:
        raise DataError(f"{path}: expected a header and rows of numbers; the file is empty.")
    for name in header:
        if header.count(name) > 1:
            raise DataError(f"{path}, row 1: {header.count(name)} columns are called {name!r}.")
    if features is None:
        features = [name for name in header if name != target]
    wanted = [*features] if target is None else [target, *features]
    for name in wanted:
        if name not in header:
            raise DataError(f"{path}, row 1: no column {name!r}; {nearest(name, header)}")
    if not features:
        raise DataError(f"{path}, row 1: there is no column to predict {target!r} from.")

    columns: dict[str, list[float]] = {name: [] for name in wanted}
    places = [(name, header.index(name), numbers) for name, numbers in columns.items()]
    counted = []
    for row, cells in rows:
        if len(cells) != len(header):
            raise DataError(
                f"{path}, row {row}: expected {len(header)} cells, as in the header, "
                f"got {len(cells)}."
            )
        for name, index, numbers in places:
            number = _number(cells[index])
            if number is None:
                raise DataError(
                    f"{path}, row {row}, column {name!r}: expected a finite number, "
                    f"got {cells[index]!r}."
                )
            numbers.append(number)
        counted.append(row)
    if not counted:
        raise DataError(f"{path}: expected rows of numbers below the header; there are none.")
    targets = [] if target is None else columns.pop(target)
    return Columns(path, counted, target, targets, columns)


def check_two_classes(columns: Columns, target: str) -> None:
    """Have the target, a column of this name, be 0 in some rows, 1 in some, and nothing else.

    Raises:
        DataError: Naming the first row with another value, or the one value of all rows.
    """
    for row, value in zip(columns.rows, columns.target, strict=True):
        if value not in (0, 1):
            raise DataError(
                f"{columns.path}, row {row}, column {target!r}: expected class 0 or 1, "
                f"got {value:g}."
            )
    if len(set(columns.target)) == 1:
        raise DataError(
            f"{columns.path}, column {target!r}: expected classes 0 and 1, "
            f"and all {len(columns.rows)} rows have {columns.target[0]:g}."
        )


def read_rows(path: Path) -> Iterator[Row]:
    """Number and cells of each row that is not blank."""
    try:
        # Spreadsheets write a mark at the start of UTF-8 files, which -sig takes off.
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            for row, cells in enumerate(reader, start=1):
                if cells:
                    yield row, [cell.strip() for cell in cells]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: not as in a CSV file ({error})."
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected UTF-8 text ({error}).") from None


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if abs(number) < LARGEST else None  # false of NaN too
