"""What every decoder here offers: hidden states, a head over the vocabulary, and logits.

The head dominates a small model with a large vocabulary, so training never needs the logits:
`loss` leaves it to the head to go from hidden states to the mean cross-entropy.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from seedbed.nets.softmax import AdaptiveSoftmax, Head


class Cache:
    """Keys and values of the tokens so far, so that the next one computes none of them again.

    Args:
        room: The most tokens it will be asked to hold; the memory for them is taken at once, so
            that no old one is copied either.

    Attributes:
        length: Number of tokens that every attention has seen.
    """

    def __init__(self, room: int) -> None:
        self.length = 0
        self._room = room
        self._kept: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def joined(self, attention: nn.Module, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append an attention's keys and values (…, T, head size); return all it has had."""
        if attention not in self._kept:
            shape = (*key.shape[:-2], self._room, key.shape[-1])
            self._kept[attention] = key.new_empty(shape), value.new_empty(shape)
        keys, values = self._kept[attention]
        end = self.length + key.shape[-2]
        keys[..., self.length : end, :] = key
        values[..., self.length : end, :] = value
        return keys[..., :end, :], values[..., :end, :]


class LanguageModel(nn.Module, ABC):
    """A decoder over token ids.

    Attributes:
        context: The most tokens one sequence may have, T.
        head: From hidden states to the vocabulary.
        caches: Whether `hidden` can go on from a cache.
    """

    caches: ClassVar[bool] = False
    context: int
    head: Head

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
        """Compile what training calls, up to the head, whose work is in chunks that vary.

        Text is generated without: its length changes with every character.
        """
        self.states = torch.compile(self.states, *args, **kwargs)  # type: ignore[method-assign]

    def states(self, tokens: Tensor) -> Tensor:
        """Hidden states (B * T, C) of ids (B, T) in training."""
        return self.hidden(tokens).flatten(0, 1)

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats of each next token, `targets` (B, T)."""
        return self.head.loss(self.states(tokens), targets.flatten())

    def measure(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Each next token's cross-entropy, and whether it was the likeliest: both (B * T,)."""
        return self.head.measure(self.hidden(tokens).flatten(0, 1), targets.flatten())

    def order_by(self, counts: Tensor) -> None:
        """Learn how often each token occurs in training (V,); only some heads ask for it."""
        if isinstance(self.head, AdaptiveSoftmax):
            self.head.order_by(counts)
