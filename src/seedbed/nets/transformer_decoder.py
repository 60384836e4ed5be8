"""A language model from torch's own decoder layers, as another lesson builds it, done right.

`nn.TransformerDecoderLayer` was made for translation: beside attending to its own sequence it
attends to a memory. With one sequence only, the memory is the embedded sequence itself, and it
needs the causal mask as much as the sequence does: without it every position reads the character
it should predict. The lesson left that mask out, and gave all positions one and the same vector.
"""

import torch
from torch import Tensor, nn

from seedbed.nets.language_model import Cache, LanguageModel
from seedbed.nets.softmax import Softmax

DEEPEST = 1000
"""Layers at most: torch copies the first for each, before any of them can be counted."""


class TransformerDecoder(LanguageModel):
    """A stack of `nn.TransformerDecoderLayer` with learned positions.

    Args:
        vocabulary_size: Number of token ids.
        context: The most tokens one sequence may have, T.
        width: Size of the residual stream, C.
        depth: Number of layers.
        heads: Attention heads a layer; must divide `width`.
        dropout: Share of values set to zero in training.

    Raises:
        ValueError: If `heads` does not divide `width`, or there is no layer.
    """

    causal: Tensor

    def __init__(
        self,
        *,
        vocabulary_size: int,
        context: int,
        width: int = 64,
        depth: int = 3,
        heads: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not 1 <= depth <= DEEPEST:
            raise ValueError(f"depth={depth}: expected 1 to {DEEPEST:,}")
        if min(heads, width) < 1 or width % heads:
            raise ValueError(f"width={width} cannot be shared among heads={heads}")
        self.context = context
        self.token_embedding = nn.Embedding(vocabulary_size, width)
        self.position_embedding = nn.Embedding(context, width)
        layer = nn.TransformerDecoderLayer(
            width, heads, dim_feedforward=4 * width, dropout=dropout, batch_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, depth)
        self.head = Softmax(width, vocabulary_size)
        future = torch.ones(context, context, dtype=torch.bool).triu(diagonal=1)
        self.register_buffer("causal", future, persistent=False)

    def hidden(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Map ids (B, T) to hidden states (B, T, C); torch's layers keep no cache."""
        T = tokens.shape[1]
        positions = torch.arange(T, device=tokens.device)
        x = self.token_embedding(tokens) + self.position_embedding(positions)  # (B, T, C)
        mask = self.causal[:T, :T]
        hidden: Tensor = self.decoder(x, x, tgt_mask=mask, memory_mask=mask)
        return hidden
