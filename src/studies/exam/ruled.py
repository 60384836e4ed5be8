"""A table drawn from a rule once and shipped beside it, so that the best possible loss is known."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from seedbed.data.columns import Cells, fit, inputs_of
from seedbed.data.parts import random_parts
from seedbed.data.rows import RowsDataModule, RowSplits


class RuledTable(RowsDataModule, ABC):
    """The rows of a shipped file, split at random: 70 % training, 10 % validation, 20 % test.

    Args:
        split_seed: Fixes which row goes to which part.
        folds: Into how many folds the rows that are not for test are dealt; null for none.
        fold: Which of them validates, from 0.
        batch_size: Rows a batch, or `full`.
        seed: Fixes the order of the training rows.
        input_noise: Deviation of the noise that training adds to the inputs.
    """

    file: ClassVar[Path]
    target: ClassVar[str]
    """The column to predict; all others are features."""

    def __init__(
        self,
        *,
        split_seed: int = 42,
        folds: int | None = None,
        fold: int | None = None,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, input_noise=input_noise, folds=folds, fold=fold
        )
        self.split_seed = split_seed

    @abstractmethod
    def best_loss(self, features: Mapping[str, np.ndarray], target: np.ndarray) -> float:
        """Mean loss of the rule's own predictions, from columns (N,): the rest is luck.

        In expectation no prediction does better; on few rows one may, by luck of its own.
        """

    def in_units(self, inputs: Tensor) -> list[np.ndarray]:
        """Inputs as a net sees them (N, features) as columns (N,) in their own units."""
        scale = self.state_dict()["scale"].values()
        columns = inputs.double().T.numpy()
        return [m + d * column for (m, d), column in zip(scale, columns, strict=True)]

    def load(self) -> RowSplits:
        """Read the shipped file: inputs (N, features) against targets (N, 1)."""
        with self.file.open(encoding="utf-8") as opened:
            header = opened.readline().strip().split(",")
            features = dict(zip(header, np.loadtxt(opened, delimiter=",").T, strict=True))
        target = features.pop(self.target)
        parts = random_parts(
            len(target), validation=0.1, test=0.2, seed=self.split_seed, source=str(self.file)
        )
        parts = self.folded(parts, seed=self.split_seed, source=str(self.file))

        train, val, test = parts
        best = self.best_loss({name: c[val] for name, c in features.items()}, target[val])
        read = {name: Cells("number", column) for name, column in features.items()}
        columns = [fit(name, cells, train.numpy(), most_levels=0) for name, cells in read.items()]
        inputs = inputs_of(len(target), ((c, features[c.name]) for c in columns))
        targets = torch.from_numpy(target).float()[:, None]
        return RowSplits(
            train=(inputs[train], targets[train]),
            val=(inputs[val], targets[val]),
            test=(inputs[test], targets[test]),
            outputs=1,
            facts={
                "source": "drawn from its rule",
                "sha256": hashlib.sha256(self.file.read_bytes()).hexdigest(),
                "best_loss_val": round(best, 4),
                **{"train": len(train), "val": len(val), "test": len(test)},
            },
            target=self.target,
            scale={column.name: column.scale for column in columns},
        )


def csv_text(columns: Mapping[str, np.ndarray]) -> str:
    """The text of a file with these columns, each (N,)."""
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return "".join(",".join(map(str, row)) + "\n" for row in (tuple(columns), *rows))
