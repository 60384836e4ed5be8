"""Any CSV file of numbers: one column is to be predicted from the others."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from seedbed.data.columns import (
    Columns,
    check_two_classes,
    columns_of,
    read_columns,
    read_rows,
)
from seedbed.data.rows import (
    NewRows,
    Parts,
    RowsDataModule,
    RowSplits,
    check_shares,
    random_parts,
)
from seedbed.errors import DataError

LARGEST_DEVIATION = 1e18
"""Its square, and one over that, still have all their digits in single precision."""


class Table(RowsDataModule):
    """The rows of a CSV file, split at random; inputs are scaled by what the training part shows.

    Args:
        path: The file, UTF-8, with a header and commas between cells.
        target: The column to predict.
        features: The columns to predict it from; None takes all others.
        kind: What the target is: any number (`regression`), or 0 and 1 (`binary`).
        scale_target: Whether a number is scaled as the inputs are, so that a rate that suits one
            table suits another; figures and predictions are in its own units either way.
        validation: Share of the rows that is for validation.
        test: Share of the rows that is for test.
        split_seed: Fixes which row goes to which part.
        batch_size: Rows a batch, or `full`.
        seed: Fixes the order of the training rows.
        input_noise: Deviation of the noise that training adds to the inputs.

    Raises:
        ValueError: If there are no features, or the target is one.
        SettingError: If a share, the batch size or the noise is out of range.
    """

    def __init__(
        self,
        *,
        path: str,
        target: str,
        features: Sequence[str] | None = None,
        kind: Literal["regression", "binary"] = "regression",
        scale_target: bool = True,
        validation: float = 0.1,
        test: float = 0.2,
        split_seed: int = 42,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise)
        check_shares(validation=validation, test=test)
        if features is not None and (not features or target in features):
            raise ValueError(
                f"features={features}: expected the columns to predict {target} from, null for all"
            )
        self.path = Path(path).expanduser()
        self.target = target
        self.features = features
        self.kind = kind
        self.scale_target = scale_target and kind == "regression"
        self.validation = validation
        self.test = test
        self.split_seed = split_seed

    def load(self) -> RowSplits:
        """Read the file: inputs (N, features) against targets (N, 1).

        Raises:
            DataError: Naming what in the file cannot be used.
        """
        columns = read_columns(self.path, self.target, self.features)
        if self.kind == "binary":
            check_two_classes(columns, self.target)
        parts = random_parts(
            len(columns.rows),
            validation=self.validation,
            test=self.test,
            seed=self.split_seed,
            source=str(self.path),
        )
        checksum = hashlib.sha256(self.path.read_bytes()).hexdigest()
        facts = {"source": str(self.path), "sha256": checksum}
        return split_columns(columns, parts, facts=facts, scale_target=self.scale_target)


def split_columns(
    columns: Columns, parts: Parts, *, facts: dict[str, Any], scale_target: bool = False
) -> RowSplits:
    """Split the rows, and scale every input by its mean and deviation in the training part."""
    train, val, test = parts
    scale = {name: _scale(column, train) for name, column in columns.features.items()}
    inputs = scaled(columns, scale)
    mean, deviation = _scale(columns.target, train) if scale_target else (0.0, 1.0)
    if not 1 / LARGEST_DEVIATION < deviation < LARGEST_DEVIATION:
        raise DataError(
            f"{columns.path}, column {columns.target_name!r}: its deviation is {deviation:.3g}, of "
            "which single precision cannot hold the square. Give it in another unit."
        )
    targets = torch.tensor([(number - mean) / deviation for number in columns.target])[:, None]
    return RowSplits(
        train=(inputs[train], targets[train]),
        val=(inputs[val], targets[val]),
        test=(inputs[test], targets[test]),
        outputs=1,
        facts=facts | {"train": len(train), "val": len(val), "test": len(test)},
        target=columns.target_name,
        scale=scale,
        target_scale=[mean, deviation],
    )


def read_scaled(source: Path, scale: Mapping[str, Sequence[float]]) -> NewRows:
    """The rows of a CSV file, and these columns of it, each less its mean, over its deviation.

    Raises:
        DataError: Naming what in the file cannot be used.
    """
    table = [*read_rows(source)]  # once: it may be a pipe
    columns = columns_of(table, source, None, [*scale])
    (_, header), *rows = table
    return NewRows(header, [cells for _, cells in rows], scaled(columns, scale))


def scaled(columns: Columns, scale: Mapping[str, Sequence[float]]) -> Tensor:
    """Inputs (N, features): each of these columns less its mean, over its deviation."""
    return torch.tensor(
        [
            [(number - mean) / deviation for number in columns.features[name]]
            for name, (mean, deviation) in scale.items()
        ]
    ).T.contiguous()


def _scale(column: list[float], rows: Tensor) -> list[float]:
    """Mean and deviation of a column over these rows.

    Summed exactly, so that a run goes on with the same scale on any machine. A column that never
    changes has no deviation to divide by; it becomes 0.
    """
    numbers = [column[row] for row in rows.tolist()]
    if min(numbers) == max(numbers):  # of 0.1, say, the mean would be off in the last digit
        return [numbers[0], 1.0]
    mean = math.fsum(numbers) / len(numbers)
    squares = ((number - mean) * (number - mean) for number in numbers)
    return [mean, math.sqrt(math.fsum(squares) / len(numbers))]
