"""Muon for the matrices inside a net, AdamW for everything else, as one optimizer.

Muon (Jordan et al. 2024) moves a weight matrix by an orthogonalised momentum; embeddings, the
head, filters of convolutions and vectors stay with AdamW. Lightning's automatic optimization wants
one optimizer, so this one holds both: their groups and states lie side by side, and it saves as any
other.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import AdamW, Muon, Optimizer

REFERENCE_WIDTH = 64


class MuonWithAdamW(Optimizer):
    """Muon on groups of kind `matrix`, AdamW on the rest.

    AdamW's rate for embeddings and head shrinks as one over the root of the net's width, from
    `adamw_lr` at a width of 64, so that one setting serves nets of every size; Muon's own
    update already allows for a matrix's shape. The width is what a head takes in, and the length
    of an embedding's vectors: the residual stream of a decoder, the last hidden layer of an MLP.

    Args:
        params: Groups from `parameter_groups`, each with its `kind`.
        lr: Muon's learning rate.
        adamw_lr: AdamW's learning rate.
        momentum: Muon's momentum.
        betas: AdamW's.
        weight_decay: Decoupled decay, for both.
    """

    def __init__(
        self,
        params: Iterable[dict[str, Any]],
        *,
        lr: float = 0.02,
        adamw_lr: float = 0.01,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
    ) -> None:
        groups = [dict(group) for group in params]
        inner = [g for g in groups if g["kind"] == "matrix" and g["params"]]
        outer = [g for g in groups if g["kind"] != "matrix" and g["params"]]
        for group in outer:
            group.setdefault("lr", adamw_lr * _width_factor(group))
        self._parts: list[Optimizer] = []
        if inner:
            self._parts.append(Muon(inner, lr=lr, momentum=momentum, weight_decay=weight_decay))
        if outer:
            self._parts.append(
                AdamW(outer, lr=adamw_lr, betas=betas, eps=1e-10, weight_decay=weight_decay)
            )
        # The parts' own group dicts, so that a schedule that sets `lr` here sets it there.
        super().__init__([g for part in self._parts for g in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Let this optimizer and its parts hold the same groups and the same state."""
        start = 0
        for part in self._parts:
            stop = start + len(part.param_groups)
            part.param_groups = self.param_groups[start:stop]
            part.state = self.state
            start = stop

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step of both parts; `closure` recomputes the loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Loading a checkpoint replaces groups and state; share the new ones."""
        super().__setstate__(state)
        if hasattr(self, "_parts"):
            self._share()


def _width_factor(group: dict[str, Any]) -> float:
    if group["kind"] not in ("embedding", "head"):
        return 1.0
    width: int = group["params"][0].shape[-1]
    return math.sqrt(REFERENCE_WIDTH / width)
