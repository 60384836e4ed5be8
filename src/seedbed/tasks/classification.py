"""What both kinds of classifier share: their measures' names, and all predictions of a part.

Ranking measures, as the area under the ROC curve, are no mean over batches and need everything at
once. So everything is kept until a part is through; then each figure is one formula, and a batch
costs next to nothing. Price: the memory for a part's logits.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

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


class Predictions(Metric):
    """Gathers logits (B, …) and targets (B, …), from all processes."""

    full_state_update = False
    logits: list[Tensor]
    targets: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("logits", default=[], dist_reduce_fx="cat")
        self.add_state("targets", default=[], dist_reduce_fx="cat")

    def update(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        self.logits.append(logits.float())
        self.targets.append(targets)

    def compute(self) -> tuple[Tensor, Tensor]:
        """All logits (N, …) and targets (N, …) so far."""
        return dim_zero_cat(self.logits), dim_zero_cat(self.targets)


def ranking(
    measure: Callable[[Tensor, Tensor], Tensor], scores: Tensor, positive: Tensor
) -> Tensor:
    """A binary measure of how well scores (N,) rank positive rows (N,) above the others.

    NaN where all rows are of one class: there is nothing to rank, and any number would mislead.
    """
    if positive.all() or not positive.any():
        return torch.tensor(torch.nan, device=scores.device)
    return measure(scores, positive.int())
