"""A polynomial of one input, whose coefficients are what is learnt.

It is a linear layer over the powers of x: a of y = a + b x + c x² + … is its bias, b, c, … are its
weight matrix. So initialisers fill them, weight decay and penalties spare a as ridge regression
does, and Muon, to which the layer is a head, leaves them to AdamW. One vector of coefficients
would read as simply, but to all of these it would be a bias.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from lightning import Trainer
from torch import Tensor, nn

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Polynomial(nn.Module):
    """y = a + b x + c x² + …, all coefficients started from N(0, 1).

    Args:
        inputs: Values a row, which must be 1.
        outputs: Values a row to give; each has its own coefficients.
        degree: The highest power.
        dropout: Share of the powers of a row set to zero in training.
        basis: What the weights are factors of: the `powers` of x, or its `legendre` polynomials,
            which span the same functions and are at right angles over -1 to 1. Gradient descent
            follows high powers of x badly: they are almost the same curve.
        scale: What x is divided by first, so that it lies between -1 and 1.

    Raises:
        ValueError: If the data has more than one input, degree or scale is not positive, or
            `dropout` is no share.
    """

    def __init__(
        self,
        *,
        inputs: int,
        outputs: int,
        degree: int = 3,
        dropout: float = 0.0,
        basis: Literal["powers", "legendre"] = "powers",
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        if inputs != 1:
            raise ValueError(
                f"expected data with one input, got {inputs}; take another net, as net=mlp"
            )
        if degree < 1:
            raise ValueError(f"degree={degree}: expected 1 or more")
        if not scale > 0:
            raise ValueError(f"scale={scale}: expected a number above 0")
        self.degree, self.basis, self.scale = degree, basis, scale
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(degree, outputs)
        nn.init.normal_(self.head.bias)
        nn.init.normal_(self.head.weight)

    @property
    def coefficients(self) -> Tensor:
        """Of the powers of x, from the lowest to the highest, (outputs, degree + 1)."""
        own = torch.cat([self.head.bias[:, None], self.head.weight], dim=1)
        if self.basis == "legendre":
            rows = [np.polynomial.legendre.leg2poly(row) for row in own.detach().double().cpu()]
            own = torch.from_numpy(np.stack(rows))
        return own / self.scale ** torch.arange(self.degree + 1).to(own)

    def conclusion(self, trainer: Trainer) -> str:
        """The fitted polynomial as a formula, a line for each output, for the end of a run."""
        return "\n".join(map(equation, self.coefficients.tolist()))

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (B, 1) to outputs (B, outputs)."""
        x = x / self.scale
        if self.basis == "legendre":
            legendre = [torch.ones_like(x), x]
            for n in range(1, self.degree):  # Bonnet's recursion
                legendre.append(((2 * n + 1) * x * legendre[-1] - n * legendre[-2]) / (n + 1))
            terms = torch.cat(legendre[1:], dim=1)  # (B, degree)
        else:
            terms = x ** torch.arange(1, self.degree + 1, dtype=x.dtype, device=x.device)
        output: Tensor = self.head(self.dropout(terms))
        return output


def equation(coefficients: Sequence[float]) -> str:
    """A polynomial from its coefficients, the lowest power first, with four digits of each."""
    constant, *others = coefficients
    terms = [f"y = {constant:.4g}"]
    for power, coefficient in enumerate(others, start=1):
        exponent = "" if power == 1 else str(power).translate(SUPERSCRIPTS)
        terms.append(f"{'-' if coefficient < 0 else '+'} {abs(coefficient):.4g} x{exponent}")
    return " ".join(terms)
