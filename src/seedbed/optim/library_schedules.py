"""Torch's own schedules in a fit: they get its length, and ReduceLROnPlateau its loss."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

HORIZONS = ("total_steps", "T_max", "total_iters")
"""What schedules call the length of a fit in steps."""


class WatchingPlateau(ReduceLROnPlateau):
    """Torch's ReduceLROnPlateau, for which each validation counts, and no step.

    Args:
        optimizer: Whose rates to lower.
        watched: The validation's metric that it follows.
        settings: Torch's own.
    """

    def __init__(self, optimizer: Optimizer, *, watched: str, **settings: Any) -> None:
        super().__init__(optimizer, **settings)
        self.watched = watched

    def step(self, *_: Any) -> None:
        """Do nothing after a training step."""

    def observe(self, value: float) -> None:
        """Take note of a validation."""
        super().step(value)


def for_fit(
    make: Callable[..., LRScheduler],
    optimizer: Optimizer,
    total_steps: int,
    *,
    monitor: str,
    mode: str | None,
) -> LRScheduler:
    """Make a schedule.

    Args:
        make: Makes it of an optimizer; a partial that has the settings.
        optimizer: Whose rates to schedule.
        total_steps: The fit's length, for each argument of `HORIZONS` that has no setting.
        monitor: The metric that decides which checkpoint is the best, `val/…`.
        mode: Whether its best is its `min` or `max`.

    Raises:
        ValueError: If it would override the groups' own rates.
    """
    settings = make.keywords if isinstance(make, partial) else {}
    if isinstance(make, partial) and make.func is ReduceLROnPlateau:
        watched = monitor.rpartition("/")[2]
        return WatchingPlateau(optimizer, watched=watched, **{"mode": mode} | settings)
    taken = inspect.signature(make).parameters
    if "max_lr" in taken and any("lr_scale" in group for group in optimizer.param_groups):
        raise ValueError("it sets every rate itself, so lr_scale would have no effect")
    lengths = {name: total_steps for name in HORIZONS if name in taken and name not in settings}
    return make(optimizer, **lengths)
