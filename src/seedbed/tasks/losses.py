"""What training minimises: losses by name, and a user's own, tried before they are used.

A loss is given what the net gives and the targets, and returns the mean over a batch's examples.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Loss = Callable[[Tensor, Tensor], Tensor]
"""Of predictions or logits (B, …) and targets (B, …), their mean loss, a scalar."""


class FocalLoss(nn.Module):
    """(1 - p)^γ times the cross-entropy, p being the true class's probability (Lin et al. 2017).

    Args:
        gamma: How much less an example counts that is predicted well; 0 is cross-entropy.
    """

    def __init__(self, *, gamma: float = 2.0) -> None:
        super().__init__()
        if not gamma >= 0:
            raise ValueError(f"gamma={gamma}: expected 0 or more")
        self.gamma = gamma

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Of one logit a row (B, 1) and 0.0 or 1.0, or of K logits (B, K) and classes (B,)."""
        binary = logits.shape == targets.shape
        entropy = F.binary_cross_entropy_with_logits if binary else F.cross_entropy
        each = entropy(logits, targets, reduction="none")
        return ((1 - (-each).exp()) ** self.gamma * each).mean()


OTHERWISE: dict[type[nn.Module], str] = {
    nn.BCELoss: "probabilities, and a net gives logits",
    nn.NLLLoss: "log-probabilities, and a net gives logits",
    nn.KLDivLoss: "log-probabilities, and probabilities as targets",
    nn.SoftMarginLoss: "targets of -1 and 1",
    nn.HingeEmbeddingLoss: "targets of -1 and 1",
}
"""Torch's losses that take other things than are given here, and would compute something wrong."""


def chosen(
    loss: str | Loss, named: Mapping[str, Loss], predictions: Tensor, targets: Tensor
) -> Loss:
    """The loss of a name, or a user's own.

    Args:
        loss: A key of `named`, or a loss.
        named: The losses that have names.
        predictions: What a net might give, to try a loss of someone's own on.
        targets: Targets that go with them.

    Raises:
        ValueError: If it cannot be trained with, saying why.
    """
    if isinstance(loss, str):
        return named[loss]
    if expected := OTHERWISE.get(type(loss)):  # type: ignore[arg-type]
        others = " or ".join(named)
        raise ValueError(f"loss: {type(loss).__name__} expects {expected}; choose {others}")
    if (reduction := getattr(loss, "reduction", "mean")) != "mean":
        raise ValueError(f"loss.reduction={reduction}: expected mean")
    if isinstance(loss, nn.Module) and next(loss.parameters(), None) is not None:
        raise ValueError("loss: has parameters of its own, which no optimizer would be given")
    if torch.get_default_device().type == "meta":
        return loss  # a net is laid out, where nothing has a value
    shapes = f"predictions {[*predictions.shape]} and targets {[*targets.shape]}"
    predictions = predictions.clone().requires_grad_()
    try:
        value: object = loss(predictions, targets)
    except Exception as error:  # any error: it is foreign code
        raise ValueError(f"loss: cannot be computed of {shapes}: {error}") from error
    if not isinstance(value, Tensor) or value.ndim or not value.requires_grad:
        came = f"shape {[*value.shape]}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(
            f"loss: expected of {shapes} their mean, a scalar with a gradient; got {came}"
        )
    if not torch.autograd.grad(value, predictions)[0].any():  # as of cross-entropy of one class
        raise ValueError(f"loss: its gradient is zero for {shapes}, so nothing would be learnt")
    return loss
