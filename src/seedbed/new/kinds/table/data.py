"""The table beside this file. Replace `rows.csv` by your own, and name its column in the YAML."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from seedbed.data.table import Table


class Rows(Table):
    """The rows of `rows.csv`; numbers, categories, dates and gaps become inputs by themselves.

    More settings of `Table`, as `categories` or `time`, can be passed on from here.

    Args:
        target: The column to predict.
        drop: Columns to leave out.
        kind: What the target is: `regression`, `binary` or `multiclass`.
        split_seed: Fixes which row goes to which part.
        batch_size: Rows a batch, or `full`.
        seed: Fixes the order of the training rows.
        input_noise: Standard deviation of the noise that training adds to the inputs.
    """

    def __init__(
        self,
        *,
        target: str,
        drop: Sequence[str] = (),
        kind: Literal["regression", "binary", "multiclass"] = "regression",
        split_seed: int = 42,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(
            path=str(Path(__file__).with_name("rows.csv")),
            target=target,
            drop=drop,
            kind=kind,
            validation=0.2,
            test=0.2,
            stratify=None,
            split_seed=split_seed,
            batch_size=batch_size,
            seed=seed,
            input_noise=input_noise,
        )
