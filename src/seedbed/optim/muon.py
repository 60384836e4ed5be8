"""Muon for the matrices inside a net, AdamW for everything else, as one optimizer.

Muon (Jordan et al. 2024) moves a weight matrix by an orthogonalised momentum; embeddings, the
head, filters of convolutions and vectors stay with AdamW. Lightning's automatic optimization wants
one optimizer, so this one holds both: their groups and states lie side by side, and it saves as any
other. Torch's Muon orthogonalises in bfloat16, which a processor without instructions for it does
hundreds of times slower, so ours takes the type that the device is fast in.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from pytorch_optimizer.optimizer.utils import zero_power_via_newton_schulz_5
from torch.optim import AdamW, Optimizer
from torch.optim import Muon as TorchMuon

REFERENCE_WIDTH = 64

FAST_IN_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""What torch calls the instructions by which a processor multiplies in bfloat16."""


class Muon(TorchMuon):
    """Torch's Muon, but for the type in which a matrix is orthogonalised."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move each matrix along its orthogonalised Nesterov momentum."""
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix.grad)
                mean = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
                direction = zero_power_via_newton_schulz_5(
                    matrix.grad.lerp(mean, momentum), dtype=fast_type(matrix.device)
                )
                matrix.mul_(1 - lr * group["weight_decay"])
                rows, columns = matrix.shape
                matrix.add_(direction, alpha=-lr * math.sqrt(max(1, rows / columns)))


def fast_type(device: torch.device) -> torch.dtype:
    """Bfloat16, except on a processor that has no instructions for it."""
    abilities = torch.cpu.get_capabilities()
    slow = device.type == "cpu" and not any(map(abilities.get, FAST_IN_BFLOAT16))
    return torch.float32 if slow else torch.bfloat16


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

    Raises:
        ValueError: If a number is out of range.
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
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum={momentum}: expected 0 or more, below 1")
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
