"""What both kinds of classifier share: weights of classes, names of measures, weighted measures."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from seedbed.errors import SettingError
from seedbed.tasks.base import Task

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


ClassWeights = Literal["balanced"] | Sequence[float] | None
"""What the loss of a row of each class counts, a number a class, or by how rare the class is."""


def check_class_weights(given: ClassWeights, loss: object, entropy: str) -> None:
    """Check weights of classes, which go with the loss of one name only.

    Raises:
        ValueError: If they cannot be used.
    """
    if given and loss != entropy:
        raise ValueError(f"class_weights: goes with loss={entropy} only")
    if not isinstance(given, str) and any(not weight >= 0 for weight in given or ()):
        raise ValueError(f"class_weights={given}: expected numbers of 0 or more")


def counted_weights(given: ClassWeights, data: Any, *, classes: int | None = None) -> Tensor | None:
    """Weights of classes (K,), scaled to a mean of 1 over the rows of the training part.

    Args:
        given: The setting.
        data: The DataModule, whose training part is counted.
        classes: How many there are; None for as many as the data has outputs.

    Raises:
        SettingError: If there is another number of weights than of classes, no row counts, or there
            is no telling how often each class occurs.
    """
    if given is None:
        return None
    if not hasattr(data, "splits"):
        raise SettingError("task.class_weights: this data has no rows to count classes of.")
    targets: Tensor = data.splits.train[1].flatten().long()
    counts = targets.bincount(minlength=classes or data.splits.outputs)
    balanced = 1 / counts.clamp(min=1)
    weights = balanced if isinstance(given, str) else torch.tensor(given, dtype=torch.float)
    if len(weights) != len(counts):
        raise SettingError(
            f"task.class_weights={given}: {len(weights)} weights, but the data has "
            f"{len(counts)} classes."
        )
    scaled = weights * (counts.sum() / (weights * counts).sum())
    if not scaled.isfinite().all():
        raise SettingError(
            f"task.class_weights={given}: expected numbers, and one above 0 of a class that occurs."
        )
    return scaled


class WeightedTask(Task):
    """A classifier whose loss may weigh the classes."""

    classes: ClassVar[int | None] = None
    """How many there are; None for as many as the data has outputs."""

    class_weights: ClassWeights = None
    _weights: Tensor | None = None

    def configure_from_data(self, data: Any) -> None:
        """Count the training part's classes, where these have weights.

        Raises:
            SettingError: If there is another number of weights than of classes.
        """
        if self._weights is None:
            self._weights = counted_weights(self.class_weights, data, classes=self.classes)

    def setup(self, stage: str) -> None:
        """Count them, also where another Trainer only evaluates."""
        self.configure_from_data(getattr(self.trainer, "datamodule", None))


def ranking(
    measure: Callable[[Tensor, Tensor], Tensor], scores: Tensor, positive: Tensor
) -> Tensor:
    """A binary measure of how well scores (N,) rank positive rows (N,) above the others.

    NaN where all rows are of one class: there is nothing to rank, and any number would mislead.
    """
    if positive.all() or not positive.any():
        return torch.tensor(torch.nan, device=scores.device)
    return measure(scores, positive.int())


def weighted_measures(scores: Tensor, labels: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """The measures that are no means over rows, each row counting as its weight.

    Args:
        scores: Of rows and classes (N, K), or of class 1 alone (N, 1), where that is measured.
        labels: Classes (N,).
        weights: (N,).
    """
    alone = scores.shape[1] == 1
    classes = 2 if alone else scores.shape[1]
    chosen = (scores[:, 0] > 0.5).long() if alone else scores.argmax(dim=1)
    places = labels.long() * classes + chosen
    table = weights.new_zeros(classes**2).index_add(0, places, weights).view(classes, classes)
    hits, true, predicted = table.diagonal(), table.sum(dim=1), table.sum(dim=0)
    others = table.sum() - true
    each = {
        "precision": _share(hits, predicted),
        "recall": _share(hits, true),
        "specificity": _share(others - predicted + hits, others),
        "f1": _share(2 * hits, true + predicted),
    }
    occurs = true + predicted > 0
    ranked = [
        weighted_ranking(scores[:, min(k, scores.shape[1] - 1)], labels == k, weights)
        for k in range(alone, classes)
        if 0 < int((labels == k).sum()) < len(labels)
    ]
    means = torch.stack(ranked).mean(dim=0) if ranked else weights.new_full((2,), torch.nan)
    return {
        name: values[1] if alone else values[occurs].mean() for name, values in each.items()
    } | {
        "auroc": means[0],
        "average_precision": means[1],
    }


def weighted_ranking(scores: Tensor, positive: Tensor, weights: Tensor) -> Tensor:
    """AUROC and average precision (2,) of scores, positive rows and weights (N,)."""
    # From the lowest; equal scores rank alike.
    levels, level = torch.unique(scores, return_inverse=True)
    none = weights.new_zeros(len(levels))
    hits = none.index_add(0, level, weights * positive)
    misses = none.index_add(0, level, weights * ~positive)
    below = misses.cumsum(dim=0) - misses
    caught = hits.sum() - hits.cumsum(dim=0) + hits
    false = misses.sum() - below
    auroc = (hits * (below + misses / 2)).sum() / (hits.sum() * misses.sum())
    return torch.stack([auroc, (hits * caught / (caught + false)).sum() / hits.sum()])


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part / whole.where(whole > 0, torch.ones_like(whole)), 0.0)
