"""The DataModule of studies on rows: inputs and targets as tensors in memory.

Serves points, tables and images alike.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from lightning import LightningDataModule
from torch import Tensor

from seedbed.data.loader import Loader, in_order, shuffled

Rows = tuple[Tensor, Tensor]
"""Inputs (N, …) and targets (N, …)."""


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


class RowsDataModule(LightningDataModule, ABC):
    """Batches of (inputs (B, …), targets (B, …)); a dataset's own class only loads and splits.

    Args:
        batch_size: Rows a batch; `full` takes the whole part at once (batch gradient descent).
        seed: Fixes the order of the training rows.
    """

    gives: ClassVar = ("inputs", "outputs")
    """The names in `sizes`, known before any data is loaded."""
    unit: ClassVar = "rows"
    """What one example is."""

    def __init__(self, *, batch_size: int | Literal["full"] = 32, seed: int = 0) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.seed = seed
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
