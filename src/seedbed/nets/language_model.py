"""What every decoder here offers: hidden states, a head over the vocabulary, and logits.

The head dominates a small model with a large vocabulary, so training never needs the logits:
`loss` goes from hidden states to the mean cross-entropy in chunks, exact in value and gradient.
"""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LanguageModel(nn.Module, ABC):
    """A decoder over token ids.

    Attributes:
        context: The most tokens one sequence may have, T.
        head: The unembedding, (C) -> (vocabulary size).
    """

    context: int
    head: nn.Linear

    @abstractmethod
    def hidden(self, tokens: Tensor) -> Tensor:
        """Map ids (B, T) to hidden states (B, T, C); position t sees tokens 0..t only."""

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


@torch.no_grad()
def generate(
    model: LanguageModel,
    tokens: Tensor,
    length: int,
    *,
    temperature: float = 1.0,
    end: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Continue `tokens` (B, T) by up to `length` sampled tokens; returns (B, T + new).

    Args:
        model: The model; only its last `context` tokens are seen.
        tokens: Ids to continue, at least one a row.
        length: The most new tokens.
        temperature: Divides the logits; 1 samples the model's own distribution.
        end: Stop once every row has produced this id.
        generator: Source of randomness; torch's global one where None.
    """
    ended = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
    for _ in range(length):
        logits = model.head(model.hidden(tokens[:, -model.context :])[:, -1])  # (B, V)
        probabilities = torch.softmax(logits.float() / temperature, dim=-1)
        following = torch.multinomial(probabilities, 1, generator=generator)  # (B, 1)
        tokens = torch.cat([tokens, following], dim=1)
        if end is not None:
            ended |= following[:, 0] == end
            if ended.all():
                break
    return tokens
