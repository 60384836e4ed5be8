"""A wave of one input, whose frequency and phase are learnt: its loss has many hollows.

From a frequency that is far off, gradient descent ends in the nearest one, whatever lies beyond it.
"""

from torch import Tensor, nn


class Wave(nn.Module):
    """y = sin(w x + b).

    Args:
        inputs: Values a row; each has its own w.
        outputs: Values a row to give.
        dropout: Share of the inputs set to zero in training.
    """

    def __init__(self, *, inputs: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (B, inputs) to outputs (B, outputs)."""
        output: Tensor = self.head(self.dropout(x)).sin()
        return output
