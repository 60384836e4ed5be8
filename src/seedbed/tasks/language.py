"""Next-token prediction: the loss is the exact likelihood over the whole vocabulary.

Training goes from hidden states to the loss in chunks and never holds all logits; evaluation
measures the same quantity, and the accuracy besides.
"""

import math
from typing import ClassVar, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanMetric, Metric, MetricCollection

from seedbed.tasks.base import Step, Task

CHUNK = 128
"""Positions whose logits are held at one time in evaluation: few enough to stay in the cache."""


class Decoder(Protocol):
    """What this task needs of a net."""

    head: nn.Linear

    def hidden(self, tokens: Tensor) -> Tensor:
        """Map ids (B, T) to hidden states (B, T, C)."""
        ...

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats of `targets` (B, T)."""
        ...


class LanguageTask(Task):
    """Trains a decoder on windows of tokens (B, T + 1).

    Args:
        net: The decoder, a `Decoder`.
        optimizer, scheduler, l1, l2: As of every `Task`.
    """

    kind: ClassVar = "language"
    unit: ClassVar = "tokens"
    measures: ClassVar = ("loss", "perplexity", "bits_per_character", "accuracy")
    headline: ClassVar = ("val/perplexity", "val/accuracy")

    def gathered(self) -> dict[str, Metric]:
        """Means over tokens."""
        # Else the mean would leave out a loss that is NaN, and the fit would go on.
        return {"loss": MeanMetric(nan_strategy="disable"), "accuracy": MeanMetric()}

    @property
    def decoder(self) -> Decoder:
        """The net, by what this task needs of it."""
        return cast(Decoder, self.net)

    def step(self, batch: Tensor) -> Step:
        """Mean cross-entropy in nats a token; there are no logits to measure more by."""
        inputs, targets = batch[:, :-1], batch[:, 1:]
        return Step(self.decoder.loss(inputs, targets), targets.numel())

    def measure(self, batch: Tensor, metrics: MetricCollection) -> None:
        """Cross-entropy and accuracy of each token, logits a chunk at a time."""
        inputs, targets = batch[:, :-1], batch[:, 1:].flatten()  # (B, T), (B * T)
        hidden = self.decoder.hidden(inputs).flatten(0, 1)  # (B * T, C)
        for part, wanted in zip(
            torch.split(hidden, CHUNK), torch.split(targets, CHUNK), strict=True
        ):
            logits = self.decoder.head(part).float()  # (chunk, V)
            metrics["loss"].update(F.cross_entropy(logits, wanted, reduction="none"))
            metrics["accuracy"].update((logits.argmax(dim=-1) == wanted).float())

    def figures(self, metrics: MetricCollection) -> dict[str, Tensor]:
        """Loss in nats, accuracy, perplexity e^loss, and bits a character, loss / ln 2."""
        figures = metrics.compute()
        loss = figures["loss"]
        return figures | {
            "perplexity": loss.exp(),
            "bits_per_character": loss / math.log(2),
        }
