"""The DataModule of studies on rows: inputs and targets as tensors in memory.

Serves points, tables and images alike.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from lightning import LightningDataModule
from torch import Tensor

from seedbed.data.loader import Loader, in_order, shuffled
from seedbed.errors import DataError, SettingError

Rows = tuple[Tensor, Tensor]
"""Inputs (N, …) and targets (N, …)."""

Parts = tuple[Tensor, Tensor, Tensor]
"""The numbers of the rows, int64, that are for training, validation and test."""


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
    fitted: dict[str, Any] = field(default_factory=dict)
    """What was fitted on the training part alone, as a scale of the inputs, in plain types."""


class RowsDataModule(LightningDataModule, ABC):
    """Batches of (inputs (B, …), targets (B, …)); a dataset's own class only loads and splits.

    Args:
        batch_size: Rows a batch; `full` takes the whole part at once (batch gradient descent).
        seed: Fixes the order of the training rows.
        input_noise: Deviation of the normal noise that training adds to the inputs, anew each time,
            in their own units: an augmentation for any data.
    """

    gives: ClassVar = ("inputs", "outputs")
    """The names in `sizes`, known before any data is loaded."""
    unit: ClassVar = "rows"
    """What one example is."""
    kind: str = "regression"
    """The kind of task the targets are for: `regression`, `binary` or `multiclass`."""

    def __init__(
        self,
        *,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__()
        if batch_size != "full" and batch_size < 1:
            raise SettingError(f"data.batch_size={batch_size}: expected 1 or more, or full.")
        if input_noise < 0:
            raise SettingError(f"data.input_noise={input_noise}: expected 0 or more.")
        self.batch_size = batch_size
        self.seed = seed
        self.input_noise = input_noise
        self._splits: RowSplits | None = None

    @abstractmethod
    def load(self) -> RowSplits:
        """Return the three parts, fetching and caching as needed."""

    def prepare_data(self) -> None:
        """Fetch and process once, before any other process reads."""
        self.setup()

    def setup(self, stage: str | None = None) -> None:
        """Load the parts."""
        if self._splits is None:
            self._splits = self.load()

    @property
    def splits(self) -> RowSplits:
        """The loaded rows."""
        self.setup()
        assert self._splits is not None
        return self._splits

    @property
    def sizes(self) -> dict[str, int]:
        """What a net's constructor needs to know of the data."""
        return {"inputs": self.splits.train[0][0].numel(), "outputs": self.splits.outputs}

    @property
    def facts(self) -> dict[str, Any]:
        """What the record of a run keeps of the data."""
        return self.splits.facts

    def state_dict(self) -> dict[str, Any]:
        """What was fitted on the training part."""
        return self.splits.fitted

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Refuse a checkpoint of a net that knows its inputs on another scale."""
        if state_dict != self.splits.fitted:
            raise DataError(
                "The checkpoint's inputs were scaled otherwise than this data's are. "
                "Was the data changed since the run started?"
            )

    def on_after_batch_transfer(self, batch: Rows, dataloader_idx: int) -> Rows:
        """Add the noise to a training batch, on the device it is on."""
        inputs, targets = batch
        if self.input_noise and self.trainer and self.trainer.training:
            inputs = inputs + self.input_noise * torch.randn_like(inputs)
        return inputs, targets

    def train_dataloader(self) -> Loader:
        """Training rows in an order that depends on the seed and the epoch."""
        return self._loader(self.splits.train, train=True)

    def val_dataloader(self) -> Loader:
        """Validation rows in order."""
        return self._loader(self.splits.val)

    def test_dataloader(self) -> Loader:
        """Test rows in order."""
        return self._loader(self.splits.test)

    def _loader(self, rows: Rows, *, train: bool = False) -> Loader:
        inputs, targets = rows
        size = len(inputs)
        full = self.batch_size == "full"
        trainer = self.trainer
        processes = trainer.world_size if trainer else 1

        def batch(indices: Tensor) -> Rows:
            return inputs[indices], targets[indices]

        return Loader(
            batch,
            shuffled(size) if train and not full else in_order(size),
            size=size,
            batch_size=-(-size // processes) if full else int(self.batch_size),
            seed=self.seed,
            rank=trainer.global_rank if trainer else 0,
            processes=processes,
        )


def random_parts(count: int, *, validation: float, test: float, seed: int, source: str) -> Parts:
    """Deal `count` rows to the three parts.

    Args:
        count: Number of rows.
        validation: Share of the rows that is for validation.
        test: Share of the rows that is for test; these stay the same whatever `validation` is.
        seed: Fixes the deal.
        source: What the rows are called in an error.

    Raises:
        DataError: If a part would have less than two rows, too few for a deviation or R².
    """
    rows = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    tested, validated = round(count * test), round(count * validation)
    trained = count - validated - tested
    if min(trained, validated, tested) < 2:
        raise DataError(
            f"{source}: {count} rows are too few: {trained} would be for training, {validated} "
            f"for validation and {tested} for test; each part needs 2."
        )
    return rows[tested + validated :], rows[tested : tested + validated], rows[:tested]
