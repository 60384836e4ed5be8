"""One of several classes: cross-entropy on a logit a class, so a net has no softmax at its end.

A measure that is defined for two classes is taken of each class against all others, and then
averaged with every class counting alike, however rare it is (macro).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric, MetricCollection
from torchmetrics.functional import classification as measured

from seedbed.tasks.base import MakeOptimizer, MakeScheduler, StepOutput, Task
from seedbed.tasks.classification import MEASURES, ranking
from seedbed.tasks.predictions import Predictions


class MulticlassTask(Task):
    """Teaches a net which of K classes a row is of.

    Args:
        net: Maps inputs (B, …) to logits (B, K); targets (B,) are class numbers, int64.
        optimizer, scheduler, l1, l2: As of every `Task`.
        label_smoothing: Share of a target's weight that training spreads over all K classes
            (Szegedy et al. 2016). The loss that is logged is the plain one either way.
    """

    kind: ClassVar = "multiclass"
    metric_names: ClassVar = MEASURES
    headline: ClassVar = ("train/accuracy", "val/accuracy")

    def __init__(
        self,
        net: nn.Module,
        *,
        optimizer: MakeOptimizer,
        scheduler: MakeScheduler,
        l1: float = 0.0,
        l2: float = 0.0,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(net, optimizer=optimizer, scheduler=scheduler, l1=l1, l2=l2)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"label_smoothing={label_smoothing}: expected a share from 0 to below 1"
            )
        self.label_smoothing = label_smoothing

    def make_metrics(self) -> dict[str, Metric]:
        """All logits and targets."""
        return {"predictions": Predictions()}

    def step(self, batch: tuple[Tensor, Tensor]) -> StepOutput:
        """Mean cross-entropy in nats; of smoothed targets, what is minimised."""
        inputs, targets = batch
        logits = self.net(inputs)  # (B, K)
        step = StepOutput(F.cross_entropy(logits, targets), len(inputs), (logits, targets))
        if not self.label_smoothing:
            return step
        smoothed = F.cross_entropy(logits, targets, label_smoothing=self.label_smoothing)
        return replace(step, objective=smoothed)

    def compute_metrics(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Everything in `MEASURES`; Brier's score is his own of 1950, from 0 to 2.

        It is the mean over rows of the squared error summed over classes: of two classes,
        twice the binary one.
        """
        logits, targets = metrics["predictions"].compute()  # (N, K), (N,)
        scores, classes = logits.softmax(dim=1), logits.shape[1]
        return {
            "loss": F.cross_entropy(logits, targets),
            "accuracy": measured.multiclass_accuracy(scores, targets, classes, average="micro"),
            "precision": measured.multiclass_precision(scores, targets, classes, average="macro"),
            "recall": measured.multiclass_recall(scores, targets, classes, average="macro"),
            "specificity": measured.multiclass_specificity(
                scores, targets, classes, average="macro"
            ),
            "f1": measured.multiclass_f1_score(scores, targets, classes, average="macro"),
            "auroc": _one_vs_rest(measured.binary_auroc, scores, targets),
            "average_precision": _one_vs_rest(measured.binary_average_precision, scores, targets),
            "brier": (scores - F.one_hot(targets, classes)).square().sum(dim=1).mean(),
        }

    def describe_outputs(self, outputs: Tensor, data: Any) -> dict[str, list[Any]]:
        """The likeliest class, and the probability of each, of logits (N, K)."""
        chances = outputs.softmax(dim=1)
        labels = getattr(data, "labels", []) or range(outputs.shape[1])
        columns = zip(labels, chances.T.tolist(), strict=True)
        by_class = {f"probability_{label}": column for label, column in columns}
        return {"class": [labels[k] for k in outputs.argmax(dim=1).tolist()], **by_class}

    def per_example(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Loss, accuracy and Brier's score of each row."""
        logits, targets = metrics["predictions"].compute()  # (N, K), (N,)
        errors = logits.softmax(dim=1) - F.one_hot(targets, logits.shape[1])
        return {
            "loss": F.cross_entropy(logits, targets, reduction="none"),
            "accuracy": (logits.argmax(dim=1) == targets).float(),
            "brier": errors.square().sum(dim=1),
        }

    def confusion(self) -> Tensor:
        """Count the test's rows by true class, down, and predicted class, across: int64 (K, K)."""
        logits, targets = self._metrics("test")["predictions"].compute()
        return measured.multiclass_confusion_matrix(logits, targets, logits.shape[1])


def _one_vs_rest(
    measure: Callable[[Tensor, Tensor], Tensor], scores: Tensor, targets: Tensor
) -> Tensor:
    """The mean of a binary measure over the classes that occur, each against all others."""
    classes = range(scores.shape[1])
    return torch.stack([ranking(measure, scores[:, k], targets == k) for k in classes]).nanmean()
