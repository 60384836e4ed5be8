"""What every decoder here offers: hidden states, a head over the vocabulary, and logits.

The head dominates a small model with a large vocabulary, so training never needs the logits:
`loss` goes from hidden states to the mean cross-entropy in chunks, exact in value and gradient.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Cache:
    """Keys and values of the tokens so far, so that writing the next one computes no old one anew.

    Attributes:
        length: Number of tokens that every attention has seen.
    """

    def __init__(self) -> None:
        self.length = 0
        self._seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def joined(self, attention: nn.Module, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append an attention's keys and values (…, T, head size); return all it has had."""
        if attention in self._seen:
            keys, values = self._seen[attention]
            key, value = torch.cat([keys, key], dim=-2), torch.cat([values, value], dim=-2)
        self._seen[attention] = key, value
        return key, value


class LanguageModel(nn.Module, ABC):
    """A decoder over token ids.

    Attributes:
        context: The most tokens one sequence may have, T.
        head: The unembedding, (C) -> (vocabulary size).
        caches: Whether `hidden` can go on from a cache.
    """

    caches: ClassVar[bool] = False
    context: int
    head: nn.Linear

    @abstractmethod
    def hidden(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Map ids (B, T) to hidden states (B, T, C); position t sees tokens 0..t only.

        Args:
            tokens: The ids; a single one each, T = 1, where `cache` is not empty.
            cache: The tokens that came before, to which these are added.
        """

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ids (B, T) to logits (B, T, vocabulary size) of the next token."""
        logits: Tensor = self.head(self.hidden(tokens))
        return logits

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile `loss`, which is what training calls.

        Text is generated without: its length changes with every character.
        """
        self.loss = torch.compile(self.loss, *args, **kwargs)  # type: ignore[method-assign]

    def loss(self, tokens: Tensor, targets: Tensor, *, chunk: int | None = 128) -> Tensor:
        """Mean cross-entropy in nats of `targets` (B, T), without holding all logits at once.

        Args:
            tokens: Ids (B, T).
            targets: Ids (B, T) of each next token.
            chunk: Positions whose logits are held at one time; None holds them all.
        """
        options = chunk and nn.LinearCrossEntropyOptions(
            chunking_method=None, batch_chunk_size=chunk
        )
        return F.linear_cross_entropy(
            self.hidden(tokens).flatten(0, 1),
            self.head.weight,
            targets.flatten(),
            linear_bias=self.head.bias,
            options=options or None,
        )
