"""TutorialLLM's GPT exactly as it is, slow parts included.

Source: lesson 2, TutorialLLM. Four separate attention heads, learned positions, LayerNorm
before each part, ReLU feed-forward of four times the width, an untied head with a bias, torch's
default initialisation, no dropout unless it is asked for. Scores are scaled by the width of the
*model*, as TutorialLLM did, not of the head. `gpt.py` is the same done as well as we can.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from seedbed.nets.language_model import Cache, LanguageModel
from seedbed.nets.softmax import Softmax


class AttentionHead(nn.Module):
    """One head of causal self-attention, written out: (B, T, C) -> (B, T, head size)."""

    causal: Tensor

    def __init__(self, width: int, head_size: int, context: int) -> None:
        super().__init__()
        self.key = nn.Linear(width, head_size, bias=False)
        self.query = nn.Linear(width, head_size, bias=False)
        self.value = nn.Linear(width, head_size, bias=False)
        causal = torch.ones(context, context, dtype=torch.bool).tril()
        self.register_buffer("causal", causal, persistent=False)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """Attend to this and earlier positions, those in the cache too."""
        key, value = self.key(x), self.value(x)
        if cache:
            key, value = cache.joined(self, key, value)
        output: Tensor = self.weights(x, key, cache.length if cache else 0) @ value
        return output

    def weights(self, x: Tensor, key: Tensor, start: int = 0) -> Tensor:
        """How much each position attends to which: (B, T, C) and all keys -> (B, T, end)."""
        end, C = start + x.shape[1], x.shape[2]
        scores = self.query(x) @ key.transpose(-2, -1) * C**-0.5  # (B, T, end)
        scores = scores.masked_fill(~self.causal[start:end, :end], float("-inf"))
        weights: Tensor = scores.softmax(dim=-1)
        return weights


class Block(nn.Module):
    """Attention, then feed-forward, each added to what came in: (B, T, C) -> (B, T, C)."""

    def __init__(self, width: int, heads: int, context: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.heads = nn.ModuleList(
            AttentionHead(width, width // heads, context) for _ in range(heads)
        )
        self.project = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """Apply both parts to the residual stream."""
        normed = self.attention_norm(x)
        mixed = torch.cat([head(normed, cache) for head in self.heads], dim=-1)
        x = x + self.dropout(self.project(mixed))
        output: Tensor = x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))
        return output


class TutorialGPT(LanguageModel):
    """TutorialLLM's decoder; 1,318,372 parameters at its own size.

    Args:
        vocabulary_size: Number of token ids.
        context: The most tokens one sequence may have, T.
        width: Size of the residual stream, C.
        depth: Number of blocks.
        heads: Attention heads a block; must divide `width`.
        dropout: Share of the values that blocks add to the stream which training sets to zero.

    Raises:
        ValueError: If `heads` does not divide `width`, `dropout` is no share, or there is no block.
    """

    caches: ClassVar = True

    def __init__(
        self,
        *,
        vocabulary_size: int,
        context: int,
        width: int = 64,
        depth: int = 4,
        heads: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth={depth}: expected 1 or more")
        if min(heads, width) < 1 or width % heads:
            raise ValueError(f"width={width} cannot be shared among heads={heads}")
        self.context = context
        self.token_embedding = nn.Embedding(vocabulary_size, width)
        self.position_embedding = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(
            Block(width, heads, context, dropout=dropout) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        self.head = Softmax(width, vocabulary_size)

    def hidden(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Map ids (B, T) to hidden states (B, T, C)."""
        start, T = cache.length if cache else 0, tokens.shape[1]
        positions = torch.arange(start, start + T, device=tokens.device)
        x = self.token_embedding(tokens) + self.position_embedding(positions)  # (B, T, C)
        for block in self.blocks:
            x = block(x, cache)
        if cache:
            cache.length += T
        hidden: Tensor = self.norm(x)
        return hidden

    def attention(self, tokens: Tensor) -> Tensor:
        """How each position of ids (1, T) attends, for pictures: (depth, heads, T, T)."""
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.token_embedding(tokens) + self.position_embedding(positions)  # (1, T, C)
        found = []
        for block in self.blocks:
            assert isinstance(block, Block)
            normed = block.attention_norm(x)
            heads = [head for head in block.heads if isinstance(head, AttentionHead)]
            found.append(torch.cat([head.weights(normed, head.key(normed)) for head in heads]))
            x = block(x)
        return torch.stack(found)
