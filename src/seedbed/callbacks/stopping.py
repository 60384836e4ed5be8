"""Ends a fit early: once a metric no longer improves, or a loss is low enough.

Lightning's EarlyStopping could do either, but not both on one metric, and it says why on a logger
that is silent here, among a line for each better value. These decide at each validation of
the fit; the checkpoint, which is saved after them, knows that the fit has ended.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, Literal

from lightning import Callback, LightningModule, Trainer

from seedbed.callbacks.checkpoints import monitored
from seedbed.lightning_private import steps_done
from seedbed.metric_directions import best_is
from seedbed.processes.distributed import broadcast
from seedbed.terminal import log


class Stopping(Callback, ABC):
    """Ends the fit as soon as there is a reason, and says which.

    Args:
        monitor: A metric that is logged at each validation, as `val/loss` or `train/loss`.
    """

    def __init__(self, *, monitor: str) -> None:
        self.monitor = monitor
        self.step = 0
        self._reason: str | None = None

    @abstractmethod
    def reason(self, value: float) -> str | None:
        """Take note of a validation's value; say why the fit should end, None if it should not."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Decide, in the fit's own validations only."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self.step = steps_done(trainer)
            # Processes must agree, also where what decides is not the metric alone.
            reason = self.reason(monitored(trainer.callback_metrics, self.monitor))
            self._reason = broadcast(reason)
            trainer.should_stop = trainer.should_stop or self._reason is not None

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say why, below the fit's last line."""
        if self._reason and trainer.is_global_zero:
            log.info(f"ended at step {self.step:,}: {self._reason}")


class EarlyStopping(Stopping):
    """Ends the fit when a metric has not become better for a while.

    Args:
        monitor: The metric.
        mode: Whether a lower (`min`) or a higher (`max`) value is better.
        patience: How many validations in a row without a better value end the fit.
        min_delta: By how much a value must be better than the best one.

    Raises:
        ValueError: If `patience` is below 1 or `min_delta` below 0.
    """

    def __init__(
        self,
        *,
        monitor: str,
        mode: Literal["min", "max"],
        patience: int = 10,
        min_delta: float = 0.0,
    ) -> None:
        super().__init__(monitor=monitor)
        if patience < 1:
            raise ValueError(f"patience={patience}: expected 1 or more")
        if not min_delta >= 0:
            raise ValueError(f"min_delta={min_delta}: expected 0 or more")
        self.mode = mode
        self.patience = patience
        self.min_delta = min_delta
        self.best = math.inf if mode == "min" else -math.inf
        self.waited = 0

    def reason(self, value: float) -> str | None:
        """Whether the patience is used up."""
        gain = self.best - value if self.mode == "min" else value - self.best
        if gain > self.min_delta:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        if self.waited < self.patience:
            return None
        return f"{self.monitor} was no better than {self.best:.4f} for {self.waited} validations."

    def state_dict(self) -> dict[str, Any]:
        """The best value, and how many validations ago it was."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self.best, self.waited = state_dict["best"], state_dict["waited"]


class LossTarget(Stopping):
    """Ends the fit when a loss is at its target or below.

    Args:
        monitor: The loss: `val/loss`, or `train/loss`, its mean since the last validation.
        value: The target.

    Raises:
        ValueError: If a higher `monitor` is better.
    """

    def __init__(self, *, monitor: str = "val/loss", value: float) -> None:
        super().__init__(monitor=monitor)
        if best_is(monitor) == "max":
            raise ValueError(f"monitor={monitor}: expected a loss, whose best is its lowest")
        self.value = value

    def reason(self, value: float) -> str | None:
        """Whether the target is reached."""
        if value > self.value:
            return None
        return f"{self.monitor} is {value:.4f}, and the target was {self.value:g}."
