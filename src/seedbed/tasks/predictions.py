"""All predictions of a part, kept until it is through.

Some measures, as R² or the area under the ROC curve, are no mean over batches. With everything at
hand each figure is one formula, and a batch costs next to nothing. Trade-off: the memory for a
part's predictions.
"""

from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


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
