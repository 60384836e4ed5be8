"""A record's files, which are not trusted: a run's directory may be damaged, or a stranger's.

Only regular files are opened, of bounded size; what they hold is bounded in number and depth, so
that none takes more than some seconds or a gigabyte; and it is of the types that a run writes.
Every reader of a record comes here. Each raises a `RunError` if its file cannot be read, and the
`DamagedError` among them if it is not as a run writes it; those of texts and YAML a
`FileNotFoundError` where there is none.
"""

import csv
import io
import json
import math
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from re import MULTILINE, compile
from typing import Any

import yaml

from seedbed.errors import DamagedError, RunError

MOST_BYTES = {".yaml": 2**20, ".json": 2**24, ".jsonl": 2**24, ".csv": 2**26, ".log": 2**24}
"""A file's size, by its ending."""

MOST_VALUES = 1_000_000
"""Values in a YAML or JSON file, with what it repeats by reference."""

MOST_LISTS = 100_000
"""Lists and mappings in a YAML file: each takes as long as many values."""

MOST_CELLS = 4_000_000
"""Cells of a CSV file."""

MOST_NAMES = 10_000
"""Metrics that a run may have."""

LONGEST_NAME = 300
"""Characters of a metric's name."""

SWEEP = "sweep.yaml"
"""The file by which a folder is a sweep's."""

DEEPEST = 100
"""Levels of lists and mappings in each other."""

SCALARS = {str, int, float, bool, type(None)}
"""The types of what is no list and no mapping."""

LONGEST_NUMBER = 1_000
"""Characters of a whole number in a YAML file: one in base 60 takes the square of its length."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

BLOCK = compile(r"^(?=[A-Za-z_])", MULTILINE)
"""Where a setting begins, in a file as a run writes it."""

Table = dict[str, list[float | None]]
"""The numbers of a CSV file by column; None is an empty cell."""

STATUS = {"state": str, "started": str, "ended": str, "error": str, "pruned": int, "dropped": int}
PROVENANCE = {
    **{"command": list, "git": dict, "versions": dict, "hardware": dict, "data": dict},
    **{"device": str, "resumed": list, "test_opened": list, "weights": dict},
}
GIT = {"commit": str, "diff": str, "untracked": dict}
HARDWARE = {"accelerators": list}
START = {"command": list}
"""The types of a record's entries, each of which may be missing or null."""


class _Loader(LOADER):  # type: ignore[misc]
    """Takes no longer than a file is: without `<<`, which can repeat what it repeats."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, "found <<", node.start_mark)
        super().flatten_mapping(node)

    def whole_number(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > LONGEST_NUMBER:
            raise ValueError(f"a number has more than {LONGEST_NUMBER:,} characters")
        number: int = self.construct_yaml_int(node)
        return number


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.whole_number)

WRONG_YAML = (ArithmeticError, AttributeError, LookupError, RecursionError, ValueError)
"""What PyYAML raises beside its own errors: of `!!bool x`, `!!timestamp x`, `1:1…:1.5`."""


def read_text(file: Path) -> str:
    """A text file's content."""
    most = MOST_BYTES[file.suffix]
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)  # a pipe would wait
        with os.fdopen(descriptor, "rb") as opened:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise RunError(f"{file}: cannot be read (it is no regular file).")
            if status.st_size > most:
                raise RunError(f"{file}: cannot be read (it has more than {most:,} bytes).")
            return opened.read(status.st_size).decode()
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(file) from None
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise _damaged(file, error) from None


def read_yaml(file: Path) -> dict[str, Any]:
    """A YAML file's values by name."""
    return _parsed_yaml(read_text(file), file)


def read_settings(file: Path) -> dict[str, Any]:
    """A configuration flat: `optimizer.lr` and so on.

    Runs of a sweep have most of it in common: each setting's lines are parsed but once. Lines that
    a run has not written so are parsed all together.
    """
    text = read_text(file)
    head, *blocks = BLOCK.split(text)
    try:
        if head or not blocks or "&" in text or "*" in text:
            raise DamagedError
        return {name: value for block in blocks for name, value in _parsed_block(block)}
    except DamagedError:
        return dict(flat(_parsed_yaml(text, file)))


def read_json(file: Path, types: Mapping[str, type] | None = None) -> dict[str, Any]:
    """A JSON file's values by name; empty where there is none.

    Args:
        file: Where it is.
        types: What some of the values must be, where they are there.
    """
    try:
        loaded = json.loads(read_text(file))
    except FileNotFoundError:
        return {}
    except (RecursionError, ValueError) as error:
        raise _damaged(file, error) from None
    return _typed(_plain(loaded, file), types or {}, str(file))


def read_status(folder: Path) -> dict[str, Any]:
    """What a run's `status.json` says; empty where there is none."""
    file = folder / "status.json"
    status = read_json(file, STATUS)
    for name in ("started", "ended"):
        if status.get(name) is not None:
            try:
                time(status[name])
            except ValueError as error:
                raise _damaged(file, error) from None
    return status


def time(text: str) -> datetime:
    """A moment as a record has it, in ISO 8601.

    Raises:
        ValueError: If it is none, or none that a clock shows.
    """
    moment = datetime.fromisoformat(text)
    if not 1970 <= moment.year < 9999:
        raise ValueError(f"Invalid time: {text!r}")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_provenance(folder: Path) -> dict[str, Any]:
    """What a run's `provenance.json` says; empty where there is none."""
    file = folder / "provenance.json"
    provenance = read_json(file, PROVENANCE)
    _typed(provenance.get("git") or {}, GIT, f"{file}: git")
    _typed(provenance.get("hardware") or {}, HARDWARE, f"{file}: hardware")
    for name, types in (("resumed", START), ("test_opened", {})):
        for entry in provenance.get(name) or []:
            _typed(_typed({name: entry}, {name: dict}, str(file))[name] or {}, types, str(file))
    return provenance


def read_metrics(file: Path) -> dict[str, float]:
    """The metrics of a JSON file, in which null is what is no number."""
    loaded = read_json(file)
    _check_names(loaded, file)
    try:
        return {name: math.nan if x is None else float(x) for name, x in loaded.items()}
    except (OverflowError, TypeError, ValueError) as error:
        raise _damaged(file, error) from None


def read_table(file: Path, only: Collection[str] | None = None) -> Table:
    """The numbers of a CSV file, a list for each column; empty where there is none.

    Args:
        file: Where it is.
        only: The columns that are wanted, where not all are.
    """
    try:
        lines = csv.reader(io.StringIO(read_text(file), newline=""))
        header = next(lines, [])
        _check_names(header, file)
        rows = []
        for row in filter(None, lines):
            rows.append(row[: len(header)])
            if len(rows) * len(header) > MOST_CELLS:
                raise RunError(f"{file}: cannot be read (it has more than {MOST_CELLS:,} cells).")
        columns = zip_longest(header, *rows, fillvalue="")
        table = {
            str(name): [float(cell) if cell else None for cell in cells]
            for name, *cells in columns
            if name and (only is None or name in only)
        }
    except FileNotFoundError:
        return {}
    except (ValueError, csv.Error) as error:
        raise _damaged(file, error) from None
    return table


def read_log(folder: Path, only: Collection[str] | None = None, name: str = "metrics.csv") -> Table:
    """What a run's log says, where each row has its step; empty where there is none.

    Args:
        folder: The run's directory.
        only: The columns that are wanted, where not all are.
        name: Which log: that of the validations, or `batches.csv`, of single batches.
    """
    file = folder / name
    log = read_table(file, only)
    if "step" not in log and read_table(file):
        raise DamagedError(f"{file}: cannot be read (it has no column step).")
    for column in ("step", "epoch"):
        for row, number in enumerate(log.get(column, []), start=1):
            if number is None and column == "epoch":
                continue
            if number is None or not (0 <= number < 2**53 and number.is_integer()):
                raise DamagedError(f"{file}: cannot be read ({column} {number} in row {row}).")
    return log


def read_rows(file: Path, *needed: str) -> list[dict[str, float]]:
    """The rows of a CSV file without their empty cells; none where there is no file."""
    rows = [*rows_of(read_table(file))]
    for name in needed:
        if any(name not in row for row in rows):
            raise DamagedError(f"{file}: cannot be read (a row has no {name}).")
    return rows


def read_samples(folder: Path) -> dict[int, str]:
    """The texts in a run's `samples.jsonl` by their steps, in order; none where there is no file.

    A step that a resumed fit repeats counts once. A line cut short is left out.
    """
    try:
        lines = read_text(folder / "samples.jsonl").splitlines()
    except FileNotFoundError:
        return {}
    samples: dict[int, str] = {}
    for line in lines:
        try:
            one = json.loads(line)
            step, sample = one["step"], one["text"]
        except (KeyError, RecursionError, TypeError, ValueError):
            continue
        if type(step) is int and type(sample) is str:
            samples[step] = sample
    return dict(sorted(samples.items()))


def rows_of(table: Table) -> Iterator[dict[str, float]]:
    """A table's rows, without its empty cells."""
    for cells in zip(*table.values(), strict=True):
        yield {name: x for name, x in zip(table, cells, strict=True) if x is not None}


def flat(node: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings by their dotted names: `optimizer.lr` and so on."""
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _parsed_yaml(text: str, file: Path) -> dict[str, Any]:
    try:
        # The fast loader takes a level for a call, without end; each level has one of these signs,
        # or a line that is further to the right.
        if sum(map(text.count, ("[", "{", "- ", "-\t", "? "))) > 1000:
            _check_nesting(text, file)
        loaded = yaml.load(text, _Loader)
    except (*WRONG_YAML, yaml.YAMLError) as error:
        raise _damaged(file, error) from None
    if not isinstance(loaded, dict):
        raise DamagedError(
            f"{file}: expected settings by name. Was its run killed as it began? Remove it."
        )
    return _plain(loaded, file)


@lru_cache(maxsize=4096)
def _parsed_block(text: str) -> tuple[tuple[str, Any], ...]:
    return tuple(flat(_parsed_yaml(text, Path())))


def _check_nesting(text: str, file: Path) -> None:
    depth = started = 0
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth, started = depth + 1, started + 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise DamagedError(f"{file}: cannot be read (it is more than {DEEPEST} levels deep).")
        if started > MOST_LISTS:
            raise DamagedError(
                f"{file}: cannot be read (it has more than {MOST_LISTS:,} lists and mappings)."
            )


def _plain(loaded: Any, file: Path) -> dict[str, Any]:
    """Check that it is a mapping of plain values, of which there are not too many."""
    if not isinstance(loaded, dict):
        raise DamagedError(f"{file}: expected values by name.")
    level: list[Any] = [loaded]
    count = 0
    for _ in range(DEEPEST):
        below: list[Any] = []
        for node in level:
            if type(node) in SCALARS:
                continue
            if isinstance(node, dict) and SCALARS.issuperset(map(type, node)):
                below.extend(node.values())
            elif isinstance(node, list):
                below.extend(node)
            else:
                raise DamagedError(f"{file}: expected numbers and texts, got {node!r:.50}.")
            if count + len(below) > MOST_VALUES:
                raise DamagedError(
                    f"{file}: cannot be read (it has more than {MOST_VALUES:,} values)."
                )
        if not below:
            return loaded
        count += len(below)
        level = below
    raise DamagedError(f"{file}: cannot be read (it is more than {DEEPEST} levels deep).")


def _typed(values: dict[str, Any], types: Mapping[str, type], where: str) -> dict[str, Any]:
    for name, kind in types.items():
        value = values.get(name)
        if not isinstance(value, kind | None):
            raise DamagedError(
                f"{where}: cannot be read ({name}: expected {kind.__name__}, got {value!r:.50})."
            )
    return values


def _check_names(names: Collection[str], file: Path) -> None:
    if len(names) > MOST_NAMES or any(len(name) > LONGEST_NAME for name in names):
        raise DamagedError(
            f"{file}: cannot be read (expected at most {MOST_NAMES:,} names of {LONGEST_NAME} "
            "characters)."
        )


def _damaged(file: Path, error: Exception) -> DamagedError:
    return DamagedError(f"{file}: cannot be read ({error or type(error).__name__}).")
