"""A small net. `inputs` and `outputs` come from the data; all else is a setting of its YAML."""

from torch import Tensor, nn


class Net(nn.Module):
    """One hidden layer.

    Args:
        inputs: Values a row; from the data.
        outputs: Values to predict; from the data.
        width: Hidden units.
        dropout: Share of the hidden values set to zero in training.
    """

    def __init__(self, *, inputs: int, outputs: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(inputs, width), nn.Tanh(), nn.Dropout(dropout))
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (B, inputs) to predictions (B, outputs)."""
        predictions: Tensor = self.head(self.hidden(x))
        return predictions
