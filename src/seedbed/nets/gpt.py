"""A decoder-only transformer in today's form, small enough to learn on a processor.

Rotary positions (Su et al. 2021), RMS norm without weights (Zhang & Sennrich 2019), queries and
keys normalised before their product (Henry et al. 2020), squared ReLU (So et al. 2021), output
projections that start at zero so that every block starts as the identity. One setting, the
depth, sets the size; width and heads follow. Trade-off: no setting for each part.
"""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seedbed.nets.language_model import Cache, LanguageModel
from seedbed.nets.softmax import AdaptiveSoftmax, Softmax

HEAD_SIZE = 32

LONGEST_PLAIN = 256
"""Up to this length attention by plain products was faster; at 512 it was not."""


def rms_norm(x: Tensor) -> Tensor:
    """Scale each vector of the last dimension to a root mean square of one."""
    return F.rms_norm(x, (x.shape[-1],))


class Rotary(nn.Module):
    """Turns pairs of channels by an angle that grows with the position.

    A query at i and a key at j then meet in their product only through i - j.
    """

    cosine: Tensor
    sine: Tensor

    def __init__(self, context: int, base: float = 10_000.0) -> None:
        super().__init__()
        frequencies = base ** -(torch.arange(0, HEAD_SIZE, 2) / HEAD_SIZE)
        angles = torch.outer(torch.arange(context), frequencies)  # (T, head size / 2)
        cosine, sine = angles.cos(), angles.sin()
        self.register_buffer("cosine", torch.cat([cosine, cosine], dim=1), persistent=False)
        self.register_buffer("sine", torch.cat([-sine, sine], dim=1), persistent=False)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """Rotate x (..., T, head size), whose first position is `start`."""
        end = start + x.shape[-2]
        partners = x.roll(HEAD_SIZE // 2, dims=-1)  # each channel's, half a head away
        turned: Tensor = x * self.cosine[start:end] + partners * self.sine[start:end]
        return turned.type_as(x)


def causal_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Mix the values of this and earlier positions: three (B, heads, T, head size) to one.

    Where a processor computes in bfloat16, short sequences go by plain products, faster there than
    torch's own kernel. Trade-off: the weights of all pairs of positions, (B, heads, T, T), are
    held.
    """
    T = query.shape[-2]
    if not (value.is_cpu and value.dtype == torch.bfloat16 and T <= LONGEST_PLAIN):
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    future = value.new_full((T, T), -torch.inf).triu(1)
    scores = query * HEAD_SIZE**-0.5 @ key.mT + future
    mixed: Tensor = scores.softmax(dim=-1) @ value
    return mixed


class Attention(nn.Module):
    """Causal self-attention over all heads at once: (B, T, C) -> (B, T, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.project = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor, rotary: Rotary, cache: Cache | None = None) -> Tensor:
        """Attend to this and earlier positions, those in the cache too."""
        B, T, C = x.shape
        start = cache.length if cache else 0
        query, key, value = self._parts(x, rotary, start)
        if cache:
            key, value = cache.joined(self, key, value)
        if start:  # one query after others sees all keys; a causal mask would show it the first
            mixed = F.scaled_dot_product_attention(query, key, value)
        else:
            mixed = causal_attention(query, key, value)
        output: Tensor = self.project(mixed.transpose(1, 2).reshape(B, T, C))
        return output

    def weights(self, x: Tensor, rotary: Rotary) -> Tensor:
        """How much each position attends to which: (B, T, C) -> (B, heads, T, T), rows of 1."""
        query, key, _ = self._parts(x, rotary, 0)
        future = query.new_full(2 * (x.shape[1],), -torch.inf).triu(1)
        weights: Tensor = (query * HEAD_SIZE**-0.5 @ key.mT + future).softmax(dim=-1)
        return weights

    def _parts(self, x: Tensor, rotary: Rotary, start: int) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, heads, T, head size)."""
        B, T, C = x.shape
        parts = self.query_key_value(x).view(B, T, 3, C // HEAD_SIZE, HEAD_SIZE)
        parts = parts.permute(2, 0, 3, 1, 4)  # (3, B, heads, T, head size)
        query, key = rotary(rms_norm(parts[:2]), start)
        return query, key, parts[2]


class FeedForward(nn.Module):
    """Two layers with a squared ReLU between: (B, T, C) -> (B, T, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, 4 * width, bias=False)
        self.project = nn.Linear(4 * width, width, bias=False)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to each position on its own."""
        output: Tensor = self.project(F.relu(self.expand(x)).square())
        return output


class Block(nn.Module):
    """Attention, then feed-forward, each on the normed stream and added to it."""

    def __init__(self, width: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = Attention(width)
        self.feed_forward = FeedForward(width)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, x: Tensor, rotary: Rotary, cache: Cache | None = None) -> Tensor:
        """Apply both parts to the residual stream (B, T, C)."""
        x = x + self.dropout(self.attention(rms_norm(x), rotary, cache))
        output: Tensor = x + self.dropout(self.feed_forward(rms_norm(x)))
        return output


class GPT(LanguageModel):
    """A decoder whose size follows from its depth.

    Args:
        vocabulary_size: Number of token ids.
        context: The most tokens one sequence may have, T.
        depth: Number of blocks.
        width: Size of the residual stream, C, a multiple of 32; where None, 32 for each block.
            Each head has 32 channels.
        dropout: Share of the values that blocks add to the stream which training sets to zero.
        cutoffs: Ranks, by how common a token is, at which the head's clusters begin; None, or
            none within the vocabulary, gives each token a vector of its own.

    Raises:
        ValueError: If `width` is not a multiple of 32, `dropout` no share, there is no block, or
            the cutoffs do not rise.
    """

    caches: ClassVar = True

    def __init__(
        self,
        *,
        vocabulary_size: int,
        context: int,
        depth: int = 3,
        width: int | None = None,
        dropout: float = 0.0,
        cutoffs: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth={depth}: expected 1 or more")
        width = HEAD_SIZE * depth if width is None else width
        if width < 1 or width % HEAD_SIZE:
            raise ValueError(f"width must be a positive multiple of {HEAD_SIZE}, got {width}")
        self.context = context
        self.token_embedding = nn.Embedding(vocabulary_size, width)
        # Its vectors are normalised, so only this against the learning rate matters: small is fast.
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        self.rotary = Rotary(context)
        self.blocks = nn.ModuleList(Block(width, dropout=dropout) for _ in range(depth))
        if cutoffs and (cutoffs[0] < 1 or [*cutoffs] != sorted({*cutoffs})):
            raise ValueError(f"cutoffs={[*cutoffs]}: expected ranks from 1 on that rise")
        if within := [cutoff for cutoff in cutoffs or () if cutoff < vocabulary_size]:
            self.head = AdaptiveSoftmax(width, vocabulary_size, within)
        else:
            self.head = Softmax(width, vocabulary_size, bias=False)
            nn.init.zeros_(self.head.weight)

    def hidden(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Map ids (B, T) to hidden states (B, T, C)."""
        x = rms_norm(self.token_embedding(tokens))  # (B, T, C)
        for block in self.blocks:
            x = block(x, self.rotary, cache)
        if cache:
            cache.length += tokens.shape[1]
        return rms_norm(x)

    def attention(self, tokens: Tensor) -> Tensor:
        """How each position of ids (1, T) attends, for pictures: (depth, heads, T, T)."""
        x = rms_norm(self.token_embedding(tokens))  # (1, T, C)
        found = []
        for block in self.blocks:
            assert isinstance(block, Block)
            found.append(block.attention.weights(rms_norm(x), self.rotary)[0])
            x = block(x, self.rotary)
        return torch.stack(found)
