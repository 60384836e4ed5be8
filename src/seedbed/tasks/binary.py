"""Two classes: a loss on one logit a row, so a net has no sigmoid at its end."""

from collections.abc import Mapping
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

NAMED: dict[str, Loss] = {"bce": F.binary_cross_entropy_with_logits, "focal": FocalLoss()}


class BinaryTask(WeightedTask):
    """Teaches a net the log-odds of class 1; from a probability above ½ a row counts as 1.

    Args:
        net: Maps inputs (B, …) to logits (B, 1); targets (B, 1) are 0.0 or 1.0.
        optimizer, scheduler, l1, l2: As of every `Task`.
        loss: What is minimised, and logged as the loss: `bce`, which is cross-entropy in nats,
            `focal`, or any other of logits and targets.
        metrics: More metrics by names of their own; they see probabilities (N,) and labels (N,).
        class_weights: What the cross-entropy of a row of each class counts, those of class 0 and of
            class 1, or `balanced`: inversely to how often the class occurs. They are scaled to a
            mean of 1 over the rows of the training part.
    """

    kind: ClassVar = "binary"
    classes: ClassVar = 2
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
        loss: Literal["bce", "focal"] | Loss = "bce",
        metrics: Mapping[str, MakeMetric] | None = None,
        class_weights: ClassWeights = None,
    ) -> None:
        super().__init__(net, optimizer=optimizer, scheduler=scheduler, l1=l1, l2=l2)
        check_class_weights(class_weights, loss, "bce")
        self.class_weights = class_weights
        logits, targets = torch.tensor([[-2.0], [3.0], [1.0]]), torch.tensor([[0.0], [1.0], [0.0]])
        self.loss = chosen(loss, NAMED, logits, targets)
        self.extra = ExtraMetrics(
            metrics,
            beside=self.metric_names,
            task=self.kind,
            predictions=logits.sigmoid().flatten(),
            targets=targets.int().flatten(),
        )

    def step(self, batch: tuple[Tensor, Tensor]) -> StepOutput:
        """Mean loss."""
        inputs, targets = batch
        logits = self.outputs(inputs)  # (B, 1)
        return StepOutput(self._loss(logits, targets), len(inputs), (logits, targets))

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        if (weights := self._weights_of(targets)) is None:
            return self.loss(logits, targets)
        return F.binary_cross_entropy_with_logits(logits, targets, weights)

    def _weights_of(self, targets: Tensor) -> Tensor | None:
        """The weight of each row's class, in the shape of the targets."""
        return None if self._weights is None else self._weights.to(targets.device)[targets.long()]

    def compute_metrics(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Everything in `MEASURES`; Brier's score is the mean squared error of the probability."""
        logits, targets = metrics["predictions"].compute()  # (N, 1)
        scores, labels = logits.sigmoid().flatten(), targets.int().flatten()  # (N,)
        return {
            "loss": self._loss(logits, targets),
            "accuracy": measured.binary_accuracy(scores, labels),
            "precision": measured.binary_precision(scores, labels),
            "recall": measured.binary_recall(scores, labels),
            "specificity": measured.binary_specificity(scores, labels),
            "f1": measured.binary_f1_score(scores, labels),
            "auroc": ranking(measured.binary_auroc, scores, labels),
            "average_precision": ranking(measured.binary_average_precision, scores, labels),
            "brier": (scores - labels).square().mean(),
        } | self.extra.compute(scores, labels)

    def describe_outputs(self, outputs: Tensor, data: Any) -> dict[str, list[Any]]:
        """The probability of class 1, and the likelier class, of logits (N, 1)."""
        logits = outputs[:, 0]
        labels = getattr(data, "labels", [])
        named = f"probability_{labels[1]}" if labels not in ([], ["0", "1"]) else "probability"
        classes = (logits > 0).int().tolist()
        return {
            named: logits.sigmoid().tolist(),
            "class": [labels[k] if labels else k for k in classes],
        }

    def per_example(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """All but the loss of each row, and the loss where it is cross-entropy."""
        logits, targets = (column.flatten() for column in metrics["predictions"].compute())
        entropy = F.binary_cross_entropy_with_logits
        weights = self._weights_of(targets)
        loss = entropy(logits, targets, weights, reduction="none") if self.loss is entropy else None
        return ({} if loss is None else {"loss": loss}) | {
            "accuracy": ((logits > 0) == (targets > 0)).float(),
            "brier": (logits.sigmoid() - targets).square(),
            **first_order(weighted_measures, logits.sigmoid()[:, None], targets),
        }

    def confusion(self) -> Tensor:
        """Count the test's rows by true class, down, and predicted class, across: int64 (2, 2)."""
        logits, targets = self._metrics("test")["predictions"].compute()
        return measured.binary_confusion_matrix((logits > 0).int(), targets.int())
