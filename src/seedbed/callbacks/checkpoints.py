"""Keeps two checkpoints: the best by one metric, and the last.

Both hold everything needed to go on, in plain types, under relative names, so that a run's
directory can be moved. The best is kept in memory as it is found and written together with the
last, at most every so often: a small net improves at each of its epochs, and writing a file then
would cost more than the epoch. Price: a killed run resumes from up to that many seconds back.

Ctrl-C waits for the end of the step, and of the validation if one is due there: a checkpoint from
the middle of a step would lose its batch. A second Ctrl-C does not wait, and saves nothing.
"""

import copy
import math
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer

from seedbed.errors import SettingError

BEST = "best.ckpt"
LAST = "last.ckpt"


class Checkpoints(Callback):
    """Writes `best.ckpt` and `last.ckpt`.

    Args:
        directory: The run's directory; they are written to `checkpoints` in it.
        monitor: The metric that decides which is best, as `val/loss`.
        mode: Whether a lower (`min`) or a higher (`max`) value is better.
        every_seconds: The least time between two writes.
    """

    def __init__(
        self,
        *,
        directory: str,
        monitor: str,
        mode: Literal["min", "max"] = "min",
        every_seconds: float = 30.0,
    ) -> None:
        self.directory = Path(directory) / "checkpoints"
        self.monitor = monitor
        self.mode = mode
        self.every_seconds = every_seconds
        self.best_score = math.inf if mode == "min" else -math.inf
        self._best: dict[str, Any] | None = None
        self._written = time.monotonic()
        self._interrupted = False
        self._usual: Any = signal.SIG_DFL

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let Ctrl-C wait; Lightning gives it its usual meaning again when the fit ends."""
        if threading.current_thread() is threading.main_thread():
            self._usual = signal.signal(signal.SIGINT, self._interrupt)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Have the last step validated, and stop after a Ctrl-C.

        Not while gradients are being gathered, nor before a validation that is due.
        """
        if trainer.global_step == trainer.max_steps:
            trainer.should_stop = True
        if not self._interrupted:
            return
        loop, batches = trainer.fit_loop.epoch_loop, trainer.fit_loop._data_fetcher
        assert batches is not None
        if not (loop._should_accumulate() or loop._should_check_val_fx(batches)):
            self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the state if it is the best so far, and write it when it is time."""
        if trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        metrics = trainer.callback_metrics
        if self.monitor not in metrics:
            known = ", ".join(sorted(name for name in metrics if name.startswith("val/")))
            raise SettingError(f"monitor={self.monitor}: no such metric. This task logs {known}.")
        score = float(metrics[self.monitor])
        if score < self.best_score if self.mode == "min" else score > self.best_score:
            self.best_score = score
            self._best = copy.deepcopy(_state(trainer))
        if time.monotonic() - self._written >= self.every_seconds:
            self._write(trainer)
        if self._interrupted:
            self._stop(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write both at the end of the fit; one without a validation has no other best."""
        if self._best is None and math.isinf(self.best_score):
            self._best = _state(trainer)
        self._write(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The best score so far."""
        return {"best_score": self.best_score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score so far."""
        self.best_score = state_dict["best_score"]

    def _interrupt(self, number: int, frame: Any) -> None:
        self._interrupted = True
        signal.signal(signal.SIGINT, self._usual)

    def _stop(self, trainer: Trainer) -> None:
        self._write(trainer)
        raise KeyboardInterrupt

    def _write(self, trainer: Trainer) -> None:
        last = _state(trainer)
        if trainer.is_global_zero:
            self.directory.mkdir(parents=True, exist_ok=True)
            if self._best is not None:
                _save(self._best, self.directory / BEST)
            _save(last, self.directory / LAST)
        self._best = None
        self._written = time.monotonic()


def _state(trainer: Trainer) -> dict[str, Any]:
    """All of a fit's state, and the metrics it has now."""
    state: dict[str, Any] = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
    state["metrics"] = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return state


def _save(state: dict[str, Any], path: Path) -> None:
    """Write beside the target, then replace it, so that a cut write never harms the old one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
