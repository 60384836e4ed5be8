"""The DataModule of studies on rows: inputs and targets as tensors in memory.

Serves points, tables and images alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TypedDict

import numpy as np
import torch
from torch import Tensor
from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

from seedbed.data.augment import Augment, augmentation
from seedbed.data.base import DataModule
from seedbed.data.columns import Column
from seedbed.data.loader import Loader, in_order, shuffled
from seedbed.data.parts import Parts, check_folds, fold_parts
from seedbed.errors import DataError, SettingError

Rows = tuple[Tensor, Tensor]
"""Inputs (N, …), and targets: numbers (N, 1), or classes (N,). Inputs of type uint8 are pixels,
which a batch has as float32, from 0 to 1."""

EVALUATED = 256
"""Rows a batch in validation and test, unless `batch_size` is larger."""


@dataclass(frozen=True)
class RowSplits:
    """A data set's three parts."""

    train: Rows
    val: Rows
    test: Rows
    outputs: int
    """What the net has to give for a row: 1 value, or a logit a class."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the record of a run should keep: source, checksum, counts."""
    target: str | None = None
    """Where the rows are a table's, the name of the column to predict."""
    scale: dict[str, list[float]] = field(default_factory=dict)
    """Where they are, the columns the inputs are made of, in order, with the mean and deviation
    they are scaled by, which were fitted on the training part alone."""
    target_scale: Sequence[float] = (0.0, 1.0)
    """The mean and deviation that the targets are scaled by, fitted likewise."""
    columns: list[Column] = field(default_factory=list)
    """Where the rows are a table's of any kind, what its columns become."""
    labels: list[str] = field(default_factory=list)
    """What the classes are called, in the order of their numbers; empty where by these alone."""


@dataclass(frozen=True)
class NewRows:
    """Inputs without targets, to predict from, and what stands beside each prediction."""

    header: list[str]
    cells: list[list[str]]
    """The file's own, a list a row."""
    inputs: Tensor
    """(N, …)"""


class RowsState(TypedDict):
    """What a checkpoint keeps of rows."""

    shape: list[int]
    outputs: int
    target: str | None
    scale: dict[str, list[float]]
    target_scale: list[float]


def of_type(value: Any, expected: Any) -> Any:
    """A value of a checkpoint's, all of whose items are of the expected types.

    Raises:
        ValueError: If one is not.
    """
    try:
        return check_type(
            value, expected, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS
        )
    except TypeCheckError as error:
        raise ValueError(f"of the data: {error}") from None


class RowsDataModule(DataModule[RowSplits]):
    """Batches of (inputs (B, …), targets (B, …)); a dataset's own class only loads and splits.

    Args:
        batch_size: Rows a batch, of all processes together; `full` takes the whole part at once
            (batch gradient descent).
        seed: Fixes the order of the training rows.
        input_noise: Deviation of the normal noise that training adds to the inputs, anew each time,
            in their own units: an augmentation for any data.
        augment: Changes training inputs (B, …), anew each time, before the noise.
        folds: Into how many folds the rows that are not for test are dealt, where they can be.
        fold: Which of them validates, from 0.
    """

    provided_sizes: ClassVar[tuple[str, ...]] = ("inputs", "outputs")
    """The names in `sizes`, known before any data is loaded; images also give `channels`."""
    kind: str = "regression"
    """The kind of task the targets are for: `regression`, `binary` or `multiclass`."""

    def __init__(
        self,
        *,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
        augment: Augment | None = None,
        folds: int | None = None,
        fold: int | None = None,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed)
        if not input_noise >= 0:
            raise SettingError(f"data.input_noise={input_noise}: expected 0 or more.")
        self.input_noise = input_noise
        self.augment = None if augment is None else augmentation(augment)
        if folds is not None or fold is not None:
            check_folds(folds, fold)
        self.folds = folds
        self.fold = fold
        self.validation_rows: Tensor | None = None
        """The numbers of the rows that validate, where these are a fold."""

    @property
    def sizes(self) -> dict[str, Any]:
        """What a net's constructor needs to know of the data, and what is `embedded` before it."""
        state = self.state_dict()
        shape = state["shape"]
        known = {"inputs": math.prod(shape), "channels": shape[0], "outputs": state["outputs"]}
        embedded = {"embedded": self.embedded} if self.embedded else {}
        return {name: known[name] for name in self.provided_sizes} | embedded

    @property
    def embedded(self) -> list[int]:
        """How many levels each of the last inputs has that are a level's number; most have none."""
        return []

    def preprocessing_state(self) -> dict[str, Any]:
        """Shape, outputs and scale."""
        return {
            "shape": [*self.splits.train[0].shape[1:]],  # of one row's inputs
            "outputs": self.splits.outputs,
            "target": self.splits.target,
            "scale": self.splits.scale,
            "target_scale": [*self.splits.target_scale],
        }

    def check_state(self, state: Any) -> None:
        """Check that sizes are whole numbers, and scales numbers that can divide."""
        of_type(state, RowsState)
        if min([state["outputs"], *state["shape"]]) < 1 or not state["shape"]:
            raise ValueError("of the data: expected sizes of 1 or more")
        for scale in (state["target_scale"], *state["scale"].values()):
            if len(scale) != 2 or not (all(map(math.isfinite, scale)) and scale[1] > 0):
                raise ValueError("of the data: expected a scale's mean and deviation")

    def difference(self, state: dict[str, Any]) -> str:
        """Say that columns or scale differ."""
        return "The checkpoint's data has other columns, or another scale, than this."

    def folded(
        self,
        parts: Parts,
        *,
        seed: int,
        source: str,
        classes: np.ndarray | None = None,
        groups: np.ndarray | None = None,
    ) -> Parts:
        """Parts as they are; with `folds`, as `fold_parts` has them, which says what it takes."""
        if self.folds is None or self.fold is None:
            return parts
        parts = fold_parts(
            parts,
            folds=self.folds,
            fold=self.fold,
            seed=seed,
            source=source,
            classes=classes,
            groups=groups,
        )
        self.validation_rows = parts[1]
        return parts

    @property
    def labels(self) -> list[str]:
        """What the classes are called, in the order of their numbers; empty where by these."""
        labels: list[str] = self.state_dict().get("labels", [])
        return labels

    @property
    def target_scale(self) -> tuple[float, float]:
        """Mean and deviation by which outputs, and targets, get back to the target's own units."""
        mean, deviation = self.state_dict()["target_scale"]
        return mean, deviation

    def on_after_batch_transfer(self, batch: Rows, dataloader_idx: int) -> Rows:
        """Change a training batch and add the noise to it, on the device it is on."""
        changes = self.augment or self.input_noise
        if not (changes and self.trainer and self.trainer.training):
            return batch
        inputs, targets = batch
        if self.augment:
            inputs = self.augment(inputs)
        if self.input_noise:
            noise = self.input_noise * torch.randn_like(inputs)
            if self.embedded:
                noise[:, -len(self.embedded) :] = 0
            inputs = inputs + noise
        return inputs, targets

    def read_inputs(self, source: Path) -> NewRows:
        """Read inputs of the kind that was learnt from; the hook by which a run predicts.

        Here the rows of a CSV file, by the columns in `scale`; other kinds of data have their own.

        Raises:
            DataError: If there are no columns, or naming what in the file cannot be used.
        """
        from seedbed.data.table import read_scaled  # which extends this class

        scale = self.state_dict()["scale"]
        if not scale:
            raise DataError(
                f"{type(self).__name__} has no columns and no `read_inputs` of its own to predict "
                "from a file by; seedbed.load opens the run in Python."
            )
        return read_scaled(source, scale)

    def training_batches(self) -> Loader:
        """Training rows in an order that depends on the seed and the epoch."""
        return self._loader(self.splits.train, train=True)

    def validation_batches(self) -> Loader:
        """Validation rows in order."""
        return self._loader(self.splits.val)

    def test_dataloader(self) -> Loader:
        """Test rows in order."""
        return self._loader(self.splits.test)

    def _loader(self, rows: Rows, *, train: bool = False) -> Loader:
        inputs, targets = rows
        size = len(inputs)
        full = self.batch_size == "full"

        def batch(indices: Tensor) -> Rows:
            rows = inputs[indices]
            return rows / 255 if rows.dtype == torch.uint8 else rows, targets[indices]

        if full:
            batch_size = size
        else:  # nothing is learnt from an evaluation, so small batches would only cost time
            batch_size = int(self.batch_size) if train else max(int(self.batch_size), EVALUATED)
        order = shuffled(size) if train and not full else in_order(size)
        return self.batches(batch, order, size=size, batch_size=batch_size)
