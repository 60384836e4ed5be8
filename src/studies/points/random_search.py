"""Search without gradients: try a random step, keep it if the loss is lower.

Here to be compared with gradient descent at the same number of losses computed. Trade-off:
Lightning computes the gradients all the same, so a step takes as long as one of plain gradient
descent.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer

from seedbed.processes.distributed import all_reduce_sum, broadcast, size


class RandomSearch(Optimizer):
    """Each step tries one point near the best so far; the first looks at the start itself.

    The losses of different batches do not compare, so it wants the full batch. A fit's `train/loss`
    is the mean over the points that were tried, `val/loss` that of the one that is kept.

    Args:
        params: Parameters, or groups of them.
        lr: Deviation of the normal steps, in the parameters' own units.
    """

    def __init__(self, params: Iterable[Any], *, lr: float = 0.1) -> None:
        super().__init__(params, {"lr": lr, "lowest": math.inf})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Try one point; `closure` computes the loss there."""
        assert closure is not None, "a search needs to see the loss"
        lowest = self.param_groups[0]["lowest"]
        kept = [[p.clone() for p in group["params"]] for group in self.param_groups]
        if lowest < math.inf:
            for group in self.param_groups:
                for p in group["params"]:
                    step = broadcast(torch.randn_like(p, device="cpu"))
                    p.add_(step.to(p.device), alpha=group["lr"])
        with torch.enable_grad():
            loss = all_reduce_sum(closure()) / size()
        if float(loss) < lowest:
            for group in self.param_groups:  # in the groups, so that checkpoints have it
                group["lowest"] = float(loss)
        else:
            for group, values in zip(self.param_groups, kept, strict=True):
                for p, value in zip(group["params"], values, strict=True):
                    p.copy_(value)
        return loss
