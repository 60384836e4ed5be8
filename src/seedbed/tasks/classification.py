"""What both kinds of classifier share: their measures' names, and how a ranking is measured."""

from collections.abc import Callable

import torch
from torch import Tensor

MEASURES = (
    "loss",
    "accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "auroc",
    "average_precision",
    "brier",
)


def ranking(
    measure: Callable[[Tensor, Tensor], Tensor], scores: Tensor, positive: Tensor
) -> Tensor:
    """A binary measure of how well scores (N,) rank positive rows (N,) above the others.

    NaN where all rows are of one class: there is nothing to rank, and any number would mislead.
    """
    if positive.all() or not positive.any():
        return torch.tensor(torch.nan, device=scores.device)
    return measure(scores, positive.int())
