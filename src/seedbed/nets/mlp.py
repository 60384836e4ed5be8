"""A multi-layer perceptron; with no hidden layer, a linear model."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


class MLP(nn.Module):
    """Linear layers with an activation and dropout after each hidden one.

    Args:
        inputs: Values a row, after flattening.
        outputs: Values or logits a row.
        hidden: Width of each hidden layer.
        activation: What follows each hidden layer.
        dropout: Share of hidden values set to zero in training.
        bias: Whether layers have biases.

    Raises:
        ValueError: If a hidden layer has no width, or `dropout` is not a share.
    """

    def __init__(
        self,
        *,
        inputs: int,
        outputs: int,
        hidden: Sequence[int] = (10,),
        activation: Literal["relu", "gelu", "tanh", "sigmoid"] = "relu",
        dropout: float = 0.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if min(hidden, default=1) < 1:
            raise ValueError(f"hidden={[*hidden]}: expected a width of 1 or more for each layer")
        layers: list[nn.Module] = []
        widths = [inputs, *hidden]
        for i in range(len(hidden)):
            linear = nn.Linear(widths[i], widths[i + 1], bias)
            # Together, so that weights have the same names with dropout and without.
            layers += [linear, nn.Sequential(ACTIVATIONS[activation](), nn.Dropout(dropout))]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], outputs, bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (B, …) to outputs (B, outputs)."""
        output: Tensor = self.head(self.body(x.flatten(1)))
        return output
