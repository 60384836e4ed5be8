"""Where a tiny net's weights went: vectors kept through a fit, for pictures of its path.

They are kept in the checkpoint as this callback's state, so a resumed fit's path is whole. As soon
as there is no room for more, every other one is dropped and half as many are kept from there on, so
they lie evenly over the fit whatever its length. Trade-off: a look at each step, and up to 130 kB
more in a checkpoint; of a net for which that is too little, nothing is kept.
"""

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from seedbed.lightning_private import steps_done
from seedbed.tasks.base import net_of

FEWEST = 8
"""Vectors that are worth keeping."""


class WeightPath(Callback):
    """Keeps the weights of nets of up to `numbers / 8` parameters.

    Args:
        most: Vectors at most.
        numbers: Numbers in all of them at most.
    """

    def __init__(self, *, most: int = 256, numbers: int = 2**15) -> None:
        for name, value in (("most", most), ("numbers", numbers)):
            if value < 0:
                raise ValueError(f"{name}={value}: expected 0 or more")
        self.most = most
        self.numbers = numbers
        self._weights: Tensor | None = None  # (rows, parameters), of which the first are filled
        self._steps = torch.zeros(0, dtype=torch.int64)  # (rows,)
        self._count = 0
        self._interval = 1

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Make room, if the net is small enough."""
        if stage != "fit" or not trainer.is_global_zero:
            return
        size = sum(p.numel() for p in net_of(pl_module).parameters())
        rows = min(self.most, self.numbers // size) if size else 0
        if rows >= FEWEST:
            rows -= rows % 2
            self._weights, self._steps = torch.zeros(rows, size), torch.full((rows,), -1)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep what the fit begins with."""
        self._keep(trainer, pl_module)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Keep the weights after a step, if it is one of those that are kept."""
        if self._weights is not None:
            self._keep(trainer, pl_module)

    def _keep(self, trainer: Trainer, module: LightningModule) -> None:
        step = steps_done(trainer)
        if self._weights is None or step % self._interval:
            return
        if self._count and self._steps[self._count - 1] >= step:  # gradients are being gathered
            return
        if self._count == len(self._weights):
            self._count //= 2
            self._weights[: self._count] = self._weights[::2].clone()
            self._steps[: self._count] = self._steps[::2].clone()
            self._interval *= 2
            if step % self._interval:
                return
        with torch.no_grad():
            parts = [p.reshape(-1) for p in net_of(module).parameters()]
            self._weights[self._count] = torch.cat(parts)
        self._steps[self._count] = step
        self._count += 1

    def state_dict(self) -> dict[str, Any]:
        """The vectors so far; nothing where none are kept."""
        if self._weights is None:
            return {}
        state = {"weights": self._weights, "steps": self._steps}
        return state | {"count": self._count, "interval": self._interval}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take them over.

        Raises:
            ValueError: If they are of another net, or no such vectors.
        """
        if self._weights is None or not state_dict:
            return
        weights, steps = state_dict["weights"], state_dict["steps"]
        count, interval = state_dict["count"], state_dict["interval"]
        fits = weights.shape == self._weights.shape and steps.shape == self._steps.shape
        if not (fits and 0 <= count <= len(steps) and interval >= 1):
            raise ValueError("WeightPath: expected the weights that a fit of this net has kept")
        self._weights.copy_(weights)
        self._steps.copy_(steps)
        self._count, self._interval = count, interval
