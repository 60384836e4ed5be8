"""Which rows train, validate and test: dealt at random, evenly by class, by groups, or by time.

Folds are scikit-learn's, of the rows that are not for test. Where a part would have less than two
rows, too few for a deviation or R², there is a `DataError`.
"""

import warnings

import numpy as np
import torch
from torch import Tensor

from seedbed.errors import DataError, SettingError

Parts = tuple[Tensor, Tensor, Tensor]
"""The numbers of the rows, int64, that are for training, validation and test."""


def check_shares(*, validation: float, test: float) -> None:
    """Check that two shares of the rows leave some for training.

    Raises:
        SettingError: If they are not.
    """
    if min(validation, test) <= 0 or validation + test >= 1:
        raise SettingError(
            f"data.validation={validation}, data.test={test}: expected shares above 0 that leave "
            "some rows for training."
        )


def random_parts(count: int, *, validation: float, test: float, seed: int, source: str) -> Parts:
    """Deal `count` rows to the three parts.

    Args:
        count: Number of rows.
        validation: Share of the rows that is for validation.
        test: Share of the rows that is for test; these stay the same whatever `validation` is.
        seed: Fixes the deal.
        source: What the rows are called in an error.
    """
    rows = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    tested, validated = round(count * test), round(count * validation)
    parts = rows[tested + validated :], rows[tested : tested + validated], rows[:tested]
    return checked(parts, source, tests=test > 0)


def held_out(count: int, validation: int, *, seed: int) -> Parts:
    """Of an official training set hold so many rows out for validation; none is for test.

    Raises:
        DataError: If there are no more than these.
    """
    if validation >= count:
        raise DataError(
            f"data.validation={validation}: expected fewer than the {count:,} training images."
        )
    rows = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return rows[validation:], rows[:validation], rows[:0]


def stratified_parts(
    classes: np.ndarray, *, validation: float, test: float, seed: int, source: str
) -> Parts:
    """Deal rows so that each part has its share of every class (N,), to within a row."""
    rows = np.random.default_rng(seed).permutation(len(classes))
    rows = rows[np.argsort(classes[rows], kind="stable")]
    rare = np.bincount(classes)[classes[rows]] < 3
    part_of = np.where(_every(len(rows), test), 2, 0)
    left = part_of == 0
    part_of[left] = _every(int(left.sum()), validation / (1 - test))
    part_of[rare] = 0  # a class that is not trained on cannot be known
    return _marked(rows, part_of, source, tests=test > 0)


def _every(count: int, share: float) -> np.ndarray:
    """Mark a share of `count` places, evenly."""
    marks = np.floor(np.arange(count + 1) * share + 0.5)
    steps: np.ndarray = np.diff(marks)
    return steps > 0


def grouped_parts(
    groups: np.ndarray, *, validation: float, test: float, seed: int, source: str
) -> Parts:
    """Deal whole groups, by their numbers (N,), until each part has about its share of rows."""
    order = np.random.default_rng(seed).permutation(groups.max() + 1)
    sizes = np.bincount(groups)[order]
    middle = (np.cumsum(sizes) - sizes / 2) / len(groups)  # of each group's share, in this order
    part_of = np.zeros(len(order), dtype=int)
    part_of[order[middle <= test + validation]] = 1
    part_of[order[middle <= test]] = 2
    return _marked(np.arange(len(groups)), part_of[groups], source, tests=test > 0)


def timed_parts(times: np.ndarray, *, validation: float, test: float, source: str) -> Parts:
    """Have the past train and the future test; rows of one time (N,) stay together."""
    rows = np.argsort(times, kind="stable")
    ordered = times[rows]
    part_of = np.zeros(len(rows), dtype=int)
    for part, share in ((1, test + validation), (2, test)):
        if share:
            first = ordered[len(rows) - max(round(len(rows) * share), 1)]
            part_of[ordered >= first] = part
    return _marked(rows, part_of, source, tests=test > 0)


def check_folds(folds: int | None, fold: int | None) -> None:
    """Check that a fold is one of the folds.

    Raises:
        SettingError: If it is not.
    """
    if folds is None and fold is not None:
        raise SettingError(f"data.fold={fold}: expected data.folds too, how many there are.")
    if folds is not None and folds < 2:
        raise SettingError(f"data.folds={folds}: expected 2 or more, or null.")
    if folds is not None and (fold is None or not 0 <= fold < folds):
        raise SettingError(
            f"data.fold={'null' if fold is None else fold}: expected which of the folds validates, "
            f"0 to {folds - 1}; python train.py data.folds={folds} by itself trains with each."
        )


def fold_parts(
    parts: Parts,
    *,
    folds: int,
    fold: int,
    seed: int,
    source: str,
    classes: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> Parts:
    """Have one fold of the rows that are not for test validate, and the others train.

    Args:
        parts: What is for test stays so.
        folds: How many there are.
        fold: Which of them validates, from 0.
        seed: Fixes the folds.
        source: What the rows are called in an error.
        classes: Of all rows (N,), where each fold has its share of every class.
        groups: Of all rows (N,), where each group is in one fold.

    Raises:
        DataError: If there are more folds than rows, groups, or rows of the commonest class.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

    rows = torch.cat(parts[:2]).sort().values.numpy()
    kind = GroupKFold if groups is not None else KFold if classes is None else StratifiedKFold
    given = (None if each is None else each[rows] for each in (classes, groups))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes with fewer rows than there are folds
            dealt = [*kind(folds, shuffle=True, random_state=seed).split(rows, *given)]
    except ValueError as error:
        raise DataError(f"{source}: data.folds={folds}: {error}") from None
    train, val = (torch.from_numpy(rows[places]) for places in dealt[fold])
    return checked((train, val, parts[2]), source, tests=len(parts[2]) > 0)


def _marked(rows: np.ndarray, part_of: np.ndarray, source: str, *, tests: bool) -> Parts:
    """Rows by the numbers of their parts: 0 trains, 1 validates, 2 tests."""
    train, val, test = (torch.from_numpy(rows[part_of == part]) for part in range(3))
    return checked((train, val, test), source, tests=tests)


def checked(parts: Parts, source: str, *, tests: bool = True) -> Parts:
    """Parts of two rows or more.

    Raises:
        DataError: If there are less in one, too few for a deviation or R².
    """
    trained, validated, tested = map(len, parts)
    if min(trained, validated, tested if tests else 2) < 2:
        raise DataError(
            f"{source}: {trained + validated + tested} rows are too few: {trained} would be for "
            f"training, {validated} for validation and {tested} for test; each part needs 2."
        )
    return parts
