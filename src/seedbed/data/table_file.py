"""A table's file, read as text: its cells, and the place of each one for errors.

Polars reads it: it takes as long to import as half of pandas, and reads with all cores. It is
imported here, when a table is read, and nowhere at a start. Columns whose first cells are plain
numbers come as numbers; where one has another cell, and in all other columns, cells come as text,
so that what is no number can be shown as it stands in the file.
Rows are counted as a spreadsheet counts them: the first line is row 1. What Polars refuses, or
would silently fill up, is looked for once more with Python's csv module, which knows the row.
"""

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seedbed.data.decoding import MARKS
from seedbed.errors import DataError, memory, nearest

if TYPE_CHECKING:
    import polars as pl

SEPARATORS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'", " ": "spaces"}
"""What may stand between cells, the likeliest first, and what it is called."""

SAMPLE = 100
"""Lines from which separator and decimal mark are found out."""

DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+")
DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+")
THOUSANDS = r"^[+-]?\d{1,3}(\.\d{3})+(,\d*)?$"
"""A number of a file with decimal commas, with points between its thousands."""

PLAIN_NUMBER = re.compile(r"-?\d{1,15}(\.\d+)?")

Decimal = Literal[".", ","]


@dataclass(frozen=True)
class TableFile:
    """The rows of a file."""

    path: Path
    frame: "pl.DataFrame"
    """Cells by the columns' names: text or numbers, or what a Parquet file has them as."""
    rows: Sequence[int]
    """The number of each row in the file."""
    decimal: Decimal = "."
    read_as: str = "Parquet"
    sha256: str = ""
    """Of the file's content."""
    as_written: "Callable[[Sequence[str]], pl.DataFrame] | None" = None
    """Gives columns once more, as text; None where the frame has all that there is."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> list[str]:
        """The columns."""
        return self.frame.columns

    def check_names(self, names: Sequence[str]) -> None:
        """Raise a `DataError` if one of these columns is not there."""
        known = {*self.names}
        for name in names:
            if name not in known:
                raise DataError(
                    f"{self.path}, row 1: no column {name!r}; {nearest(name, self.names)}"
                )

    def place(self, index: int, name: str) -> str:
        """Where a cell stands."""
        return f"{self.path}, row {self.rows[index]}, column {name!r}"

    def texts(self, name: str) -> "pl.Series":
        """A column's cells as text without spaces around; empty where there is none."""
        return self.all_texts([name])[name]

    def all_texts(self, names: Sequence[str]) -> "pl.DataFrame":
        """The same of several columns."""
        import polars as pl

        frame = self.frame.select(names)
        made = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
        if made and self.as_written:
            frame = frame.with_columns(self.as_written(made))
        return frame.select(pl.all().cast(pl.String).fill_null("").str.strip_chars())

    def numbers(self, names: Sequence[str]) -> "pl.DataFrame":
        """Columns as float64, with null for what is no number."""
        import polars as pl

        schema = self.frame.schema

        def number(name: str) -> pl.Expr:
            cells = pl.col(name)
            if schema[name].is_numeric():
                return cells.cast(pl.Float64)
            if schema[name] != pl.String:
                return pl.lit(None, pl.Float64).alias(name)
            if self.decimal == ",":
                pointless = cells.str.replace_all(".", "", literal=True)
                cells = (
                    pl.when(cells.str.contains(THOUSANDS)).then(pointless)
                    .when(cells.str.contains(".", literal=True)).then(None)
                    .otherwise(cells)
                    .str.replace(",", ".", literal=True)
                )  # fmt: skip
            return cells.cast(pl.Float64, strict=False)

        numbers = self.frame.select(map(number, names))
        # Only where something is left over are spaces worth a pass over the text.
        left = [
            name
            for name, gaps in zip(names, numbers.null_count().row(0), strict=True)
            if gaps and schema[name] == pl.String
        ]
        spaced = TableFile(
            self.path,
            self.frame.select(pl.col(name).str.strip_chars() for name in left),
            self.rows,
            self.decimal,
        )
        if any(not spaced.frame[name].equals(self.frame[name]) for name in left):
            return numbers.with_columns(spaced.numbers(left))
        return numbers


def read_table(
    path: Path,
    *,
    separator: str | None = None,
    decimal: Decimal | None = None,
    encoding: str | None = None,
) -> TableFile:
    """Read a file with a header.

    Args:
        path: CSV in any of its forms, also ending in `.gz`, or `.parquet`.
        separator: What stands between cells; None detects it.
        decimal: What stands before a number's decimals; None detects it.
        encoding: Of the text; None takes what its first bytes say, or UTF-8.

    Raises:
        DataError: Naming the first thing that is wrong, and its place.
    """
    content = _content(path)
    digest = hashlib.sha256(content).hexdigest()
    if path.suffix == ".parquet" or content.startswith(b"PAR1"):
        return replace(_parquet(path, content), sha256=digest)
    text = _utf8(path, content, encoding)
    lines = [*islice(io.BytesIO(text), SAMPLE)]
    skipped = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
    if skipped < len(lines) and (said := re.fullmatch(rb"(?i)sep=(.)\s*", lines[skipped])):
        skipped += 1  # a line for Excel, which names the separator
        separator = separator or said[1].decode()
    sample = b"".join(lines[skipped:]).decode(errors="replace")
    text = text[sum(map(len, lines[:skipped])) :]
    separator = separator or _separator(sample)
    if separator == " ":  # of which any number may stand between two cells
        text, separator = _with_tabs(text), "\t"
        sample = text[: 100 * SAMPLE].decode(errors="replace")
        read_as = SEPARATORS[" "]
    else:
        read_as = SEPARATORS.get(separator, repr(separator))
    heads = _records(sample, separator)
    if not heads or not any(heads[0]):
        raise DataError(f"{path}: expected a header and rows of numbers; the file is empty.")
    decimal = decimal or _decimal(heads[1:])
    records = heads[1:-1] if decimal == "." else []  # of which the last may be cut off
    columns = zip(heads[0], *records)  # noqa: B905
    numbers = [n for n, *cells in columns if cells and all(map(PLAIN_NUMBER.fullmatch, cells))]
    frame, rows = _parsed(path, text, separator, heads[0], skipped, numbers=numbers)

    def as_written(names: Sequence[str]) -> "pl.DataFrame":
        places = [heads[0].index(name) for name in names]
        again = _read_csv(text, separator, columns=places)
        again.columns = [heads[0][place] for place in sorted(places)]
        kept = [row - skipped - 2 for row in rows] if len(again) != len(rows) else slice(None)
        return again[kept].select(names)

    remark = f"{read_as} between cells, '{decimal}' in numbers"
    return TableFile(path, frame, rows, decimal, remark, digest, as_written if numbers else None)


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > memory():
            raise DataError(f"{path}: is larger than this machine's memory.")
        content = path.read_bytes()  # once: it may be a pipe
        return _unpacked(path, content) if content.startswith(b"\x1f\x8b") else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: not as gzip writes it ({error}).") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None


def _unpacked(path: Path, content: bytes) -> bytes:
    unpacked, most = bytearray(), memory() // 4  # which a table takes several times
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        while block := file.read(2**20):
            unpacked += block
            if len(unpacked) > most:
                raise DataError(f"{path}: unpacked it is too large for this machine's memory.")
    return bytes(unpacked)


def _parquet(path: Path, content: bytes) -> TableFile:
    import polars as pl

    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path}: not a Parquet file ({_first_line(error)}).") from None
    for name, dtype in frame.schema.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            raise DataError(f"{path}, column {name!r}: expected a value a row, got {dtype}.")
    if not len(frame):
        raise DataError(f"{path}: expected rows of numbers below the header; there are none.")
    return TableFile(path, frame, range(1, len(frame) + 1))


def _utf8(path: Path, content: bytes, encoding: str | None) -> bytes:
    """The text as UTF-8, without a mark at its start, with a line feed at each line's end."""
    name = encoding or next((n for mark, n in MARKS.items() if content.startswith(mark)), "utf-8")
    if name == "utf-8" and content.isascii() and b"\r" not in content:
        return content
    try:
        text = content.decode(name)
    except UnicodeError as error:
        remedy = "Check" if encoding else "Save the file as UTF-8, or name its encoding in"
        raise DataError(
            f"{path}: expected {name.removesuffix('-sig').upper()} text ({error}). "
            f"{remedy} data.encoding."
        ) from None
    if name not in ("utf-8", "utf-8-sig"):
        content = text.removeprefix("\ufeff").encode()
    content = content.removeprefix(b"\xef\xbb\xbf")
    if b"\r" in content and b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    return content


def _records(sample: str, separator: str) -> list[list[str]]:
    """Cells of the records of a text, which may be cut off."""
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=separator)
    records: list[list[str]] = []
    with suppress(csv.Error):  # the reading of the whole file says where
        records.extend([cell.strip() for cell in record] for record in reader if record)
    return records


def _separator(sample: str) -> str:
    """What stands between the cells of most records just as often as in the header."""
    shares = {}
    for separator in SEPARATORS:
        header, *records = _records(sample, separator) or [[""]]
        if len(header) > 1:
            same = sum(len(record) == len(header) for record in records)
            shares[separator] = same / max(len(records), 1)
    best = max(shares, key=lambda separator: shares[separator], default=",")
    if best == "\t" and any("  " in cell for cell in _records(sample, best)[0]):
        return " "  # cells are aligned by spaces, with a tab here and there
    return "," if shares.get(best, 0) < 0.5 and "," in shares else best


def _decimal(records: list[list[str]]) -> Decimal:
    cells = [cell for record in records for cell in record]
    commas = sum(DECIMAL_COMMA.fullmatch(cell) is not None for cell in cells)
    points = sum(DECIMAL_POINT.fullmatch(cell) is not None for cell in cells)
    return "," if commas > points else "."


def _with_tabs(text: bytes) -> bytes:
    """A text with spaces between its cells as one with tabs there."""
    lines = io.StringIO(text.decode().replace("\t", " "), newline="")
    out = io.StringIO()
    trimmed = (line.strip() + "\n" for line in lines)
    csv.writer(out, delimiter="\t", lineterminator="\n").writerows(
        [cell for cell in record if cell]
        for record in csv.reader(trimmed, delimiter=" ", skipinitialspace=True)
    )
    return out.getvalue().encode()


def _read_csv(text: bytes, separator: str, **more: Any) -> "pl.DataFrame":
    import polars as pl

    return pl.read_csv(
        text, separator=separator, infer_schema=False, empty_string_is_null=False, **more
    )


def _parsed(
    path: Path,
    text: bytes,
    separator: str,
    header: list[str],
    skipped: int,
    *,
    numbers: Sequence[str] = (),
) -> tuple["pl.DataFrame", Sequence[int]]:
    """The cells of all rows that are not blank, and the rows' numbers."""
    import polars as pl

    _check_header(path, header, skipped + 1)
    try:
        frame = _read_csv(text, separator, schema_overrides=dict.fromkeys(numbers, pl.Float64))
    except pl.exceptions.NoDataError:
        frame = pl.DataFrame(schema=dict.fromkeys(header, pl.String))
    except pl.exceptions.PolarsError as error:
        if numbers:  # some cell is none
            return _parsed(path, text, separator, header, skipped)
        _check_records(path, text, separator, skipped)
        raise DataError(f"{path}: not as in a CSV file ({_first_line(error)}).") from None
    if len(frame.columns) != len(header):
        _check_records(path, text, separator, skipped)
    frame.columns = header
    blank = _blank_rows(frame)
    if not _is_complete(text, separator, frame, int(blank.sum())):
        _check_records(path, text, separator, skipped)
    rows: Sequence[int] = range(skipped + 2, skipped + 2 + len(frame))
    if blank.any():
        rows = [row for row, is_blank in zip(rows, blank, strict=True) if not is_blank]
        frame = frame.filter(~blank)
    if not len(frame):
        raise DataError(f"{path}: expected rows of numbers below the header; there are none.")
    return frame, rows


def _blank_rows(frame: "pl.DataFrame") -> "pl.Series":
    import polars as pl

    blank = pl.Series([True]).new_from_index(0, len(frame))
    for cells in frame.iter_columns():
        blank &= cells.is_null() if cells.dtype == pl.Float64 else cells == ""
        if not blank.any():
            break
    return blank


def _check_header(path: Path, header: list[str], row: int) -> None:
    if len(set(header)) < len(header):
        name = next(name for name in header if header.count(name) > 1)
        raise DataError(f"{path}, row {row}: {header.count(name)} columns are called {name!r}.")
    numbers = [name for name in header if re.fullmatch(r"[+-]?\d*\.?\d+", name)]
    if len(numbers) == len(header) or any("." in name for name in numbers):  # years may be names
        raise DataError(
            f"{path}, row {row}: expected the columns' names, got numbers, {', '.join(header[:3])}."
            " Add a first row with a name for each column."
        )


def _is_complete(text: bytes, separator: str, frame: "pl.DataFrame", blank: int) -> bool:
    """Whether there are as many separators as full rows have; Polars fills up shorter ones."""
    import polars as pl

    between = len(frame.columns) - 1
    import numpy as np

    cells, mark = np.frombuffer(text, np.uint8), ord(separator)
    blocks = range(0, len(cells), 2**20)  # ten times as fast as bytes have it
    found = sum(int(np.count_nonzero(cells[at : at + 2**20] == mark)) for at in blocks)
    if b'"' in text:
        texts = frame.select(pl.col(pl.String).str.count_matches(separator, literal=True))
        found -= sum(int(counts.sum()) for counts in texts.iter_columns())
        found -= sum(name.count(separator) for name in frame.columns)
    full = between * (len(frame) + 1)
    return found == full or found == full - between * blank


def _check_records(path: Path, text: bytes, separator: str, skipped: int) -> None:
    """Raise a `DataError` for the first record that is no record, or of another length."""
    lines = io.StringIO(text.decode(), newline="")
    reader = csv.reader(lines, delimiter=separator, strict=True)
    width = 0
    try:
        for row, cells in enumerate(reader, start=skipped + 1):
            width = width or len(cells)
            if cells and len(cells) != width:
                raise DataError(
                    f"{path}, row {row}: expected {width} cells, as in the header, "
                    f"got {len(cells)}."
                )
    except csv.Error as error:
        line = skipped + reader.line_num
        raise DataError(f"{path}, line {line}: not as in a CSV file ({error}).") from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def shown_rows(file: TableFile) -> Iterator[list[str]]:
    """Each row's cells as text."""
    return (list(row) for row in file.all_texts(file.names).iter_rows())
