"""LAMB (You et al. 2020): Adam with each parameter's step scaled to its norm, for large batches.

It is pytorch_optimizer's, with two of its switches set as the paper has them. By default it divides
each step by 1 - beta1^t outside of the trust ratio, so that the first is ten times `lr`, and keeps
weight decay out of the ratio.
"""

from collections.abc import Iterable
from typing import Any

from pytorch_optimizer import Lamb as LibraryLamb


class Lamb(LibraryLamb):
    """Steps of `lr` times a parameter's norm, which counts as 10 at most.

    Moments are not corrected for starting at zero, as in the paper's third version: the trust ratio
    takes their common scale away.

    Args:
        params: Parameters, or groups of them.
        lr: Learning rate: the length of a step as a share of the parameter's norm.
        betas: As Adam's.
        eps: As Adam's.
        weight_decay: How much of the parameter is added to its update, before the scaling.
    """

    def __init__(
        self,
        params: Iterable[Any],
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            weight_decouple=False,
            adam_debias=True,
        )
