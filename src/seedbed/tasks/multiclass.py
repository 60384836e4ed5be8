"""One of several classes: a loss on a logit a class, so a net has no softmax at its end.

A measure that is defined for two classes is taken of each class against all others, and then
averaged with every class counting alike, however rare it is (macro).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MetricCollection
from torchmetrics.functional import classification as measured

from seedbed.tasks.base import MakeOptimizer, MakeScheduler, StepOutput
from seedbed.tasks.classification import (
    MEASURES,
    ClassWeights,
    WeightedTask,
    check_class_weights,
    ranking,
    weighted_measures,
)
from seedbed.tasks.intervals import first_order
from seedbed.tasks.losses import FocalLoss, Loss, chosen
from seedbed.tasks.metrics import ExtraMetrics, MakeMetric

NAMED: dict[str, Loss] = {"cross_entropy": F.cross_entropy, "focal": FocalLoss()}


class MulticlassTask(WeightedTask):
    """Teaches a net which of K classes a row is of.

    Args:
        net: Maps inputs (B, …) to logits (B, K); targets (B,) are class numbers, int64.
        optimizer, scheduler, l1, l2: As of every `Task`.
        loss: What is minimised, and logged as the loss: `cross_entropy` in nats, `focal`, or any
            other of logits and classes.
        metrics: More metrics by names of their own; they see probabilities (N, K) and classes (N,).
        class_weights: What the cross-entropy of a row of each class counts, K numbers, or
            `balanced`: inversely to how often the class occurs. They are scaled to a mean of 1 over
            the rows of the training part.
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
        loss: Literal["cross_entropy", "focal"] | Loss = "cross_entropy",
        metrics: Mapping[str, MakeMetric] | None = None,
        class_weights: ClassWeights = None,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(net, optimizer=optimizer, scheduler=scheduler, l1=l1, l2=l2)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"label_smoothing={label_smoothing}: expected a share from 0 to below 1"
            )
        self.label_smoothing = label_smoothing
        self.class_weights = class_weights
        if label_smoothing and loss != "cross_entropy":
            raise ValueError("label_smoothing: goes with loss=cross_entropy only")
        check_class_weights(class_weights, loss, "cross_entropy")
        logits, targets = torch.eye(3, 20) * 4, torch.tensor([0, 1, 3])
        self.loss = chosen(loss, NAMED, logits, targets)
        self.extra = ExtraMetrics(
            metrics,
            beside=self.metric_names,
            task=self.kind,
            predictions=logits.softmax(dim=1),
            targets=targets,
        )

    def step(self, batch: tuple[Tensor, Tensor]) -> StepOutput:
        """Mean loss; of smoothed targets, what is minimised."""
        inputs, targets = batch
        logits = self.outputs(inputs)  # (B, K)
        step = StepOutput(self._loss(logits, targets), len(inputs), (logits, targets))
        if not self.label_smoothing:
            return step
        return replace(step, objective=self._loss(logits, targets, smoothing=self.label_smoothing))

    def _loss(self, logits: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
        if self._weights is not None:
            # Torch's own mean is over the weights of a batch, so that batches would not add up.
            weights = self._weights.to(logits.device, logits.dtype)
            return F.cross_entropy(
                logits, targets, weights, reduction="none", label_smoothing=smoothing
            ).mean()
        if smoothing:
            return F.cross_entropy(logits, targets, label_smoothing=smoothing)
        return self.loss(logits, targets)

    def compute_metrics(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Everything in `MEASURES`; Brier's score is his own of 1950, from 0 to 2.

        It is the mean over rows of the squared error summed over classes: of two classes,
        twice the binary one.
        """
        logits, targets = metrics["predictions"].compute()  # (N, K), (N,)
        scores, classes = logits.softmax(dim=1), logits.shape[1]
        return {
            "loss": self._loss(logits, targets),
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
        } | self.extra.compute(scores, targets)

    def describe_outputs(self, outputs: Tensor, data: Any) -> dict[str, list[Any]]:
        """The likeliest class, and the probability of each, of logits (N, K)."""
        chances = outputs.softmax(dim=1)
        labels = getattr(data, "labels", []) or range(outputs.shape[1])
        columns = zip(labels, chances.T.tolist(), strict=True)
        by_class = {f"probability_{label}": column for label, column in columns}
        return {"class": [labels[k] for k in outputs.argmax(dim=1).tolist()], **by_class}

    def per_example(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """All but the loss of each row, and the loss where it is cross-entropy."""
        logits, targets = metrics["predictions"].compute()  # (N, K), (N,)
        errors = logits.softmax(dim=1) - F.one_hot(targets, logits.shape[1])
        weights = None if self._weights is None else self._weights.to(logits.device)
        entropies = F.cross_entropy(logits, targets, weights, reduction="none")
        return ({"loss": entropies} if self.loss is F.cross_entropy else {}) | {
            "accuracy": (logits.argmax(dim=1) == targets).float(),
            "brier": errors.square().sum(dim=1),
            **first_order(weighted_measures, logits.softmax(dim=1), targets),
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
