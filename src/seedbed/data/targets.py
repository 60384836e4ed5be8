"""A table's column to predict: a number, or a class by any label, which has a number by its order.

Of two labels the second is the one whose probability is predicted: the larger number, the word for
yes, or the later in the alphabet.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seedbed.data.columns import GAPS, LARGEST, YES
from seedbed.data.table_file import TableFile
from seedbed.errors import DataError

if TYPE_CHECKING:
    import polars as pl

MOST_CLASSES = 1000
"""More are taken for numbers, or for a name of each row."""


def numbers_to_predict(file: TableFile, target: str) -> np.ndarray:
    """A number each row (N,).

    Raises:
        DataError: Naming the place of a cell that is none.
    """
    values: np.ndarray = file.numbers([target])[target].fill_null(np.nan).to_numpy()
    wrong = ~(abs(values) < LARGEST)  # true of NaN too
    if wrong.any():
        index = int(wrong.argmax())
        cell = file.texts(target)[index]
        remedy = (
            "Leave out rows without it."
            if cell in GAPS
            else "To predict classes, task=binary for two of them, or task=multiclass."
        )
        raise DataError(
            f"{file.place(index, target)}: expected a finite number, got {cell!r}. {remedy}"
        )
    return values


def labels_of(file: TableFile, target: str, *, kind: str) -> list[str]:
    """The labels of all classes, in the order of their numbers.

    Raises:
        DataError: If there is one class alone, or more than the kind of task can separate.
    """
    keys = _keys(file, target)
    found = keys.unique(maintain_order=True).to_list()  # as the file has them
    if kind == "binary" and len(found) > 2:
        index = int((keys == found[2]).arg_max() or 0)
        first, second, third = map(_shown, found[:3])
        raise DataError(
            f"{file.place(index, target)}: expected one of two classes, {first} and {second}, "
            f"got {third}. For more than two, task=multiclass; for a number, task=regression."
        )
    if len(found) == 1:
        raise DataError(
            f"{file.path}, column {target!r}: expected two classes"
            f"{'' if kind == 'binary' else ' or more'}, and all {len(file)} rows have "
            f"{_shown(found[0])}."
        )
    if len(found) > min(MOST_CLASSES, max(len(file) / 2, 2)):
        raise DataError(
            f"{file.path}, column {target!r}: expected classes, and its {len(file)} rows have "
            f"{len(found)} labels. To predict a number, task=regression."
        )
    lower = [str(label).lower() for label in found]
    for yes, no in YES.items():
        if sorted(lower) == sorted([yes, no]):
            return [found[lower.index(no)], found[lower.index(yes)]]
    return [*map(_shown, sorted(found))]


def classes_to_predict(file: TableFile, target: str, labels: Sequence[str]) -> np.ndarray:
    """A class each row, by its number (N,), int64.

    Raises:
        DataError: Naming the place of another label.
    """
    keys = _keys(file, target)
    try:
        known: list[Any] = (
            [float(label) for label in labels] if keys.dtype.is_float() else [*labels]
        )
    except ValueError:  # numbers, where there were words
        keys, known = file.texts(target), [*labels]
    classes = np.full(len(keys), -1, dtype=np.int64)
    for number, label in enumerate(known):
        classes[(keys == label).to_numpy()] = number
    if (unknown := classes < 0).any():
        index = int(unknown.argmax())
        raise DataError(
            f"{file.place(index, target)}: expected one of {', '.join(labels)}, "
            f"got {_shown(keys[index])}."
        )
    return classes


def as_targets(classes: np.ndarray, kind: str) -> Tensor:
    """Targets of class numbers (N,): numbers (N, 1) of two, int64 (N,) of several."""
    numbers = torch.from_numpy(classes)
    return numbers.float()[:, None] if kind == "binary" else numbers


def _keys(file: TableFile, target: str) -> "pl.Series":
    """What identifies a row's class: a number where all cells are numbers, else its text."""
    texts = file.texts(target)
    if (gaps := texts.is_in(GAPS)).any():
        index = int(gaps.arg_max() or 0)
        raise DataError(
            f"{file.place(index, target)}: expected a class, got {texts[index]!r}. "
            "Leave out rows without it."
        )
    numbers = file.numbers([target])[target]
    return texts if numbers.null_count() or not numbers.is_finite().all() else numbers


def _shown(label: str | float) -> str:
    return f"{label:.15g}" if isinstance(label, float) else label
