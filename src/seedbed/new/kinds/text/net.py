"""A small language model. `vocabulary_size` and `context` come from the data."""

from torch import Tensor, nn

from seedbed.nets.language_model import Cache, LanguageModel
from seedbed.nets.softmax import Softmax


class Net(LanguageModel):
    """A recurrent net over characters.

    Args:
        vocabulary_size: Number of token ids; from the data.
        context: The most tokens of one sequence, T; from the data.
        width: Size of the hidden state, C.
        dropout: Share of the hidden values set to zero in training.
    """

    def __init__(
        self, *, vocabulary_size: int, context: int, width: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.context = context
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.recurrent = nn.GRU(width, width, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = Softmax(width, vocabulary_size)

    def hidden(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Map ids (B, T) to hidden states (B, T, C); each sees only what is before it."""
        states, _ = self.recurrent(self.embedding(tokens))
        kept: Tensor = self.dropout(states)
        return kept
