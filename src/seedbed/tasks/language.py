"""Next-token prediction: the loss is the exact likelihood over the whole vocabulary.

Training never holds all logits; evaluation measures the same quantity, and the accuracy too.
"""

import math
from typing import Any, ClassVar, Protocol, cast

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric, MetricCollection

from seedbed.tasks.base import StepOutput, Task
from seedbed.tasks.predictions import Predictions

MOST_VECTORS = 2000
"""Characters whose vectors are shown."""


class Decoder(Protocol):
    """What this task needs of a net."""

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats of `targets` (B, T)."""
        ...

    def measure(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Each target's cross-entropy, and whether it was the likeliest: both (B * T,)."""
        ...

    def order_by(self, counts: Tensor) -> None:
        """Learn how often each token occurs in training (V,)."""
        ...


class Corpus(Protocol):
    """What this task needs of the data, beside batches."""

    counts: Tensor


class LanguageTask(Task):
    """Trains a decoder to give each next token.

    Args:
        net: The decoder, a `Decoder`, of inputs (B, T); targets (B, T) are each one's next token.
            In validation and test, one below zero is none.
        optimizer, scheduler, l1, l2: As of every `Task`.
    """

    kind: ClassVar = "language"
    unit: ClassVar = "tokens"
    metric_names: ClassVar = ("loss", "perplexity", "bits_per_character", "accuracy")
    headline: ClassVar = ("val/perplexity", "val/accuracy")

    def make_metrics(self) -> dict[str, Metric]:
        """Means over tokens, and those of each window, of which the test's intervals are."""
        # Else the mean would leave out a loss that is NaN, and the fit would go on.
        means = {"loss": MeanMetric(nan_strategy="disable"), "accuracy": MeanMetric()}
        return means | {"windows": Predictions()}

    @property
    def decoder(self) -> Decoder:
        """The net, by what this task needs of it."""
        return cast(Decoder, self.net)

    def configure_from_data(self, data: Any) -> None:
        """Give the decoder the frequency of each token."""
        self.decoder.order_by(cast(Corpus, data).counts)

    def embeddings(self, data: Any) -> tuple[str, Tensor, list[str]]:
        """What the net knows the commonest characters by, most common first.

        Returns:
            What they are called, the vectors (N, C), and the N characters.
        """
        characters = data.vocabulary.characters
        tables = (one for one in self.net.modules() if isinstance(one, nn.Embedding))
        vectors = next(one.weight for one in tables if len(one.weight) == len(characters))
        commonest = data.counts.argsort(descending=True, stable=True)[:MOST_VECTORS]
        return "characters", vectors[commonest], [characters[i] for i in commonest.tolist()]

    def step(self, batch: tuple[Tensor, Tensor]) -> StepOutput:
        """Mean cross-entropy in nats a token; there are no logits to measure more by."""
        inputs, targets = batch
        return StepOutput(self.decoder.loss(inputs, targets), targets.numel())

    def measure(self, batch: tuple[Tensor, Tensor], metrics: MetricCollection) -> None:
        """Cross-entropy and accuracy of each token that is a target."""
        inputs, targets = batch
        there = targets.flatten() >= 0
        losses, hits = self.decoder.measure(inputs, targets.clamp(min=0))
        metrics["loss"].update(losses[there])
        metrics["accuracy"].update(hits[there].float())
        sums = torch.stack([losses, hits.float()]) * there
        metrics["windows"].update(
            sums.view(2, *targets.shape).sum(dim=2).T, there.view(targets.shape).sum(dim=1)
        )

    def compute_metrics(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Loss in nats and accuracy, and what follows from the loss."""
        figures = {name: metrics[name].compute() for name in ("loss", "accuracy")}
        return figures | self.of_loss(figures["loss"])

    def per_example(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Loss and accuracy of each window, by its share of the tokens; its own are not apart."""
        sums, counts = metrics["windows"].compute()  # (N, 2), (N,)
        losses, hits = (sums * (len(counts) / counts.sum())).T
        return {"loss": losses, "accuracy": hits}

    def of_loss(self, loss: Tensor) -> dict[str, Tensor]:
        """Perplexity e^loss, and bits a character, loss / ln 2."""
        return {"perplexity": loss.exp(), "bits_per_character": loss / math.log(2)}
