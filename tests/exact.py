"""Whether two fits are the same, bit for bit."""

import csv
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seedbed.metric_directions import COSTS


def same(first: Any, second: Any) -> bool:
    """Compare tensors, and what is made of tensors and plain types."""
    if isinstance(first, Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def logged(folder: Path) -> list[dict[str, str]]:
    """A run's log, without what it took."""
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [
            {name: row[name] for name in row if not name.startswith(COSTS)}
            for row in csv.DictReader(file)
        ]


def batches(folder: Path) -> str:
    """A run's log of single batches."""
    file = folder / "batches.csv"
    return file.read_text(encoding="utf-8") if file.exists() else ""
