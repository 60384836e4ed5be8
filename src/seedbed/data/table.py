"""Any table in a file: one column is to be predicted from the others.

A table's columns become inputs by what the training part alone shows of them (`columns`).
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_type_hints

import numpy as np
import torch
from torch import Tensor

from seedbed.data.column_remarks import remarks_on
from seedbed.data.columns import (
    Cells,
    Column,
    cells_of,
    fit,
    inputs_of,
    mean_and_deviation,
    read_inputs,
    scaled_numbers,
)
from seedbed.data.decoding import check_encoding
from seedbed.data.parts import (
    Parts,
    check_shares,
    grouped_parts,
    random_parts,
    stratified_parts,
    timed_parts,
)
from seedbed.data.rows import NewRows, RowsDataModule, RowSplits, of_type
from seedbed.data.table_file import TableFile, read_table, shown_rows
from seedbed.data.targets import as_targets, classes_to_predict, labels_of, numbers_to_predict
from seedbed.errors import DataError

LARGEST_DEVIATION = 1e18
"""Its square, and one over that, still have all their digits in single precision."""

SEPARATOR_WORDS = {"tab": "\t", "\\t": "\t", "space": " "}
"""How separators may be typed that a command line does not take as they are."""


class Table(RowsDataModule):
    """The rows of a table; how its columns become inputs is fitted on the training part.

    Args:
        path: The file: CSV in any of its forms, also in gzip, or Parquet.
        target: The column to predict.
        test_path: Another file of the same columns, that is the test part.
        features: The columns to predict it from; None takes all others.
        drop: Columns to leave out.
        categories: Columns whose numbers are names, as of a postal code.
        kind: What the target is: any number (`regression`), or a class of two (`binary`) or of
            several (`multiclass`).
        scale_target: Whether a number is scaled as the inputs are, so that a rate that suits one
            table suits another; figures and predictions are in its own units either way.
        missing: What a gap becomes: the training part's median and an input that marks the gap
            (`median`), or an error that names it (`error`).
        levels: How many levels of a category have an input each; all others share one.
        embed: Whether a category with more levels is embedded instead: its input is the level's
            number, and the net has a vector for each.
        separator: What stands between cells; None detects it.
        decimal: What stands before decimals; None detects it.
        encoding: Of the text; None takes what the file's first bytes say, or UTF-8.
        validation: Share of the rows that is for validation.
        test: Share of the rows that is for test, unless `test_path` is.
        split_seed: Fixes which row goes to which part.
        stratify: Whether each part has its share of every class; None where there are classes.
        group: A column whose equal rows are all in one part; it is no feature by itself.
        time: A column by which the past is for training and the future for test.
        folds: Into how many folds the rows that are not for test are dealt; null for none.
        fold: Which of them validates, from 0.
        batch_size: Rows a batch, or `full`.
        seed: Fixes the order of the training rows.
        input_noise: Deviation of the noise that training adds to the inputs.

    Raises:
        ValueError: If features, drop, target and the ways to split do not go together.
        SettingError: If a share, the batch size or the noise is out of range.
    """

    def __init__(
        self,
        *,
        path: str,
        target: str,
        test_path: str | None = None,
        features: Sequence[str] | None = None,
        drop: Sequence[str] = (),
        categories: Sequence[str] = (),
        kind: Literal["regression", "binary", "multiclass"] = "regression",
        scale_target: bool = True,
        missing: Literal["median", "error"] = "median",
        levels: int = 32,
        embed: bool = False,  # as in runs that do not say
        separator: str | None = None,
        decimal: Literal[".", ","] | None = None,
        encoding: str | None = None,
        validation: float = 0.1,
        test: float = 0.2,
        split_seed: int = 42,
        stratify: bool | None = False,  # as runs were split that do not say
        group: str | None = None,
        time: str | None = None,
        folds: int | None = None,
        fold: int | None = None,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, input_noise=input_noise, folds=folds, fold=fold
        )
        check_shares(validation=validation, test=test)
        if features is not None and (not features or target in features):
            raise ValueError(
                f"features={features}: expected the columns to predict {target} from, null for all"
            )
        if target in drop:
            raise ValueError(f"drop={[*drop]}: {target} is the target")
        separator = SEPARATOR_WORDS.get(separator or "", separator)
        if separator is not None and len(separator.encode()) != 1:
            raise ValueError(f"separator={separator!r}: expected one character, tab or space")
        check_encoding(encoding)
        if levels < 1:
            raise ValueError(f"levels={levels}: expected 1 or more")
        if (group is not None) + (time is not None) + (stratify is True) > 1:
            raise ValueError("group, time and stratify: expected one of them, the way to split")
        if folds and time is not None:
            raise ValueError("folds: with time, all folds but the last would train on the future")
        if stratify and kind == "regression":
            raise ValueError("stratify=true: a number has no classes; expected null or false")
        self.path = Path(path).expanduser()
        self.test_path = Path(test_path).expanduser() if test_path else None
        self.target = target
        self.features = features
        self.drop = drop
        self.categories = categories
        self.kind = kind
        self.scale_target = scale_target and kind == "regression"
        self.missing = missing
        self.levels = levels
        self.embed = embed
        self.separator = separator
        self.decimal = decimal
        self.encoding = encoding
        self.validation = validation
        self.test = test
        self.split_seed = split_seed
        self.stratify = kind != "regression" if stratify is None else stratify
        self.group = group
        self.time = time

    def load(self) -> RowSplits:
        """Read the file: inputs (N, widths) against targets (N, 1), or classes (N,) of several.

        Raises:
            DataError: Naming what in the file cannot be used.
        """
        file = self._read_own(self.path)
        names = self._features(file)
        labels = [] if self.kind == "regression" else labels_of(file, self.target, kind=self.kind)
        values = self._target_values(file, labels)
        parts = self._parts(file, values)
        train, val, test = parts
        known = {name: cells for name, cells in self._cells(file, names) if cells}
        rows, most = train.numpy(), self.levels
        columns = [
            fit(name, cells, rows, most_levels=most, embed=self.embed)
            for name, cells in known.items()
        ]
        columns.sort(key=_is_embedded)
        if not columns:
            raise DataError(
                f"{file.path}, row 1: there is no column to predict {self.target!r} from."
            )
        inputs = inputs_of(len(file), ((c, known[c.name].values) for c in columns))
        scale = self._target_scale(values[train.numpy()])
        targets = self._targets(values, scale)
        tested, checksum = (inputs[test], targets[test]), file.sha256
        if self.test_path:
            other = self._read_own(self.test_path)
            other.check_names([self.target])
            theirs = self._targets(self._target_values(other, labels), scale)
            tested = (read_inputs(other, columns), theirs)
            checksum = hashlib.sha256(f"{file.sha256}{other.sha256}".encode()).hexdigest()
        counts = {"train": len(train), "val": len(val), "test": len(tested[1])}
        self.remarks = [
            f"read as: {file.read_as}",
            *remarks_on(columns, known, self.target, labels=labels, values=values, parts=parts),
            *_left_out(names, known),
        ]
        return RowSplits(
            train=(inputs[train], targets[train]),
            val=(inputs[val], targets[val]),
            test=tested,
            outputs=len(labels) if self.kind == "multiclass" else 1,
            facts={"source": str(self.path), "sha256": checksum} | counts,
            target=self.target,
            scale={c.name: c.scale for c in columns if c.kind == "number"},
            target_scale=scale,
            columns=columns,
            labels=labels,
        )

    def _read_own(self, path: Path) -> TableFile:
        if path.exists() and not path.is_file():  # a pipe would wait, and a device have no end
            raise DataError(f"{path}: cannot be read as a table (it is no regular file).")
        return self._read(path)

    def _read(self, path: Path) -> TableFile:
        return read_table(
            path, separator=self.separator, decimal=self.decimal, encoding=self.encoding
        )

    def _features(self, file: TableFile) -> list[str]:
        own = [name for name in (self.group, self.time) if name]
        file.check_names([self.target, *(self.features or ()), *self.drop, *self.categories, *own])
        out = {self.target, self.group, *self.drop} - {*(self.features or ())}
        names = [n for n in (self.features or file.names) if n not in out and n not in self.drop]
        if not names:
            raise DataError(
                f"{file.path}, row 1: there is no column to predict {self.target!r} from."
            )
        return names

    def _target_values(self, file: TableFile, labels: Sequence[str]) -> np.ndarray:
        if labels:
            return classes_to_predict(file, self.target, labels)
        return numbers_to_predict(file, self.target)

    def _parts(self, file: TableFile, values: np.ndarray) -> Parts:
        test = 0.0 if self.test_path else self.test
        shares: Any = {"validation": self.validation, "test": test, "source": str(self.path)}
        of_folds: Any = {"seed": self.split_seed, "source": str(self.path)}
        if self.group is not None:
            groups = file.texts(self.group).rank("dense").to_numpy().astype(np.int64) - 1
            parts = grouped_parts(groups, seed=self.split_seed, **shares)
            return self.folded(parts, groups=groups, **of_folds)
        if self.time is not None:
            return timed_parts(self._times(file, self.time), **shares)
        if self.stratify:
            parts = stratified_parts(values, seed=self.split_seed, **shares)
            return self.folded(parts, classes=values, **of_folds)
        return self.folded(random_parts(len(file), seed=self.split_seed, **shares), **of_folds)

    def _times(self, file: TableFile, name: str) -> np.ndarray:
        [(_, cells)] = cells_of(file, [name])
        if cells is None or cells.kind not in ("number", "date"):
            raise DataError(
                f"{file.path}, column {name!r}: expected dates or numbers, as data.time={name} "
                "orders the rows by them."
            )
        times = np.asarray(cells.values)
        if (gaps := np.isnan(times)).any():
            raise DataError(f"{file.place(int(gaps.argmax()), name)}: expected a time, got none.")
        return times

    def _cells(self, file: TableFile, names: list[str]) -> Iterator[tuple[str, Cells | None]]:
        """What columns are; None of those with gaps alone, or another word a row."""
        for name, cells in cells_of(file, names, categories=self.categories):
            if self.missing == "error":
                _refuse_gaps(file, name, cells)
            asked = name in self.categories or name in (self.features or ())
            yield name, None if cells and not asked and _is_prose(cells, self.levels) else cells

    def _target_scale(self, values: np.ndarray) -> list[float]:
        mean, deviation = mean_and_deviation(values) if self.scale_target else (0.0, 1.0)
        if not 1 / LARGEST_DEVIATION < deviation < LARGEST_DEVIATION:
            raise DataError(
                f"{self.path}, column {self.target!r}: its deviation is {deviation:.3g}, of "
                "which single precision cannot hold the square. Give it in another unit."
            )
        return [mean, deviation]

    def _targets(self, values: np.ndarray, scale: Sequence[float]) -> Tensor:
        if self.kind != "regression":
            return as_targets(values, self.kind)
        mean, deviation = scale
        return torch.from_numpy(((values - mean) / deviation).astype(np.float32))[:, None]

    # --- what a checkpoint knows ------------------------------------------------------------------

    def preprocessing_state(self) -> dict[str, Any]:
        """What all rows have, and the columns as they were fitted, and the classes' labels."""
        columns = [*map(asdict, self.splits.columns)]
        return super().preprocessing_state() | {"columns": columns, "labels": self.splits.labels}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what a checkpoint knows; of earlier ones all columns are numbers."""
        if isinstance(state_dict, dict) and "columns" not in state_dict:
            self.check_state(state_dict)
            columns = [*map(asdict, scaled_numbers(state_dict["scale"]))]
            if self._splits is not None:  # a median, which it knew nothing of
                fitted = {column.name: column.fill for column in self.splits.columns}
                columns = [c | {"fill": fitted.get(c["name"], c["fill"])} for c in columns]
            labels = ["0", "1"] if self.kind == "binary" else []
            state_dict = state_dict | {"columns": columns, "labels": labels}
        super().load_state_dict(state_dict)

    def check_state(self, state: Any) -> None:
        """Check that the columns make up the inputs, and that the labels are the outputs'."""
        rest = {key: state[key] for key in state if key not in ("columns", "labels")}
        super().check_state(rest)
        if rest.keys() == state.keys():
            return
        try:
            columns = [Column(**each) for each in state["columns"]]
        except TypeError as error:
            raise ValueError(f"of the data: {error}") from None
        for column, (name, hint) in product(columns, get_type_hints(Column).items()):
            of_type(getattr(column, name), hint)
        of_type(state["labels"], list[str])
        for c in columns:
            if not (all(map(math.isfinite, (*c.scale, c.fill))) and c.deviation > 0):
                raise ValueError("of the data: expected a scale's mean and deviation")
        if columns != sorted(columns, key=_is_embedded):
            raise ValueError("of the data: expected embedded columns to be the last")
        if state["shape"] != [sum(column.width for column in columns)]:
            raise ValueError("of the data: expected columns that make up the inputs")
        outputs = {"regression": 0, "binary": 2}.get(self.kind, state["outputs"])
        if len(state["labels"]) != outputs:
            raise ValueError("of the data: expected a label a class")

    def read_inputs(self, source: Path) -> NewRows:
        """New rows by the columns as they were fitted; a gap in any becomes the median.

        Raises:
            DataError: Naming what in the file cannot be used.
        """
        return new_rows(self._read(source), self.columns)

    @property
    def columns(self) -> list[Column]:
        """The columns as they were fitted, in the order of their inputs."""
        if self._splits is None and self._restored is not None:
            return [Column(**each) for each in self._restored["columns"]]
        return self.splits.columns

    @property
    def embedded(self) -> list[int]:
        """How many levels the embedded columns have."""
        return [len(column.levels) for column in self.columns if _is_embedded(column)]


def new_rows(file: TableFile, columns: Sequence[Column]) -> NewRows:
    """A file's rows, and the inputs that these columns become."""
    return NewRows(file.names, [*shown_rows(file)], read_inputs(file, columns))


def read_scaled(source: Path, scale: Mapping[str, Sequence[float]]) -> NewRows:
    """The rows of a file, and these columns of it, each less its mean, over its deviation.

    Raises:
        DataError: Naming what in the file cannot be used.
    """
    return new_rows(read_table(source), scaled_numbers(scale))


def _is_embedded(column: Column) -> bool:
    return column.kind == "embedded"


def _refuse_gaps(file: TableFile, name: str, cells: Cells | None) -> None:
    if cells is None or cells.gaps.any():
        index = 0 if cells is None else int(cells.gaps.argmax())
        raise DataError(
            f"{file.place(index, name)}: expected a value, got {file.texts(name)[index]!r}, and "
            "data.missing=error. data.missing=median fills gaps; data.drop=[COLUMN] leaves it out."
        )


def _is_prose(cells: Cells, levels: int) -> bool:
    """Whether words are another one in nearly every row, as names are."""
    if isinstance(cells.values, np.ndarray):
        return False
    words = cells.values.filter(cells.values != "")
    found = int(words.n_unique())
    return found == len(words) or found > max(levels, len(words) / 2)


def _left_out(names: Sequence[str], known: Mapping[str, Cells]) -> Iterator[str]:
    if out := [name for name in names if name not in known]:
        yield (
            f"left out: {', '.join(out)} (empty, or other words in nearly every row; "
            f"to use one, data.categories=[{out[0]}])"
        )
