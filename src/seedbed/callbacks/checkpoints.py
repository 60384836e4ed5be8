"""Keeps two checkpoints: the best by one metric, and the last.

Both hold all that is needed to go on exactly, the random number generators' states too, in plain
types, under relative names, so that a run's directory can be moved. The best is kept in memory as
it is found and written together with the last, at most every so often: a small net improves at
each of its epochs, and writing a file then would cost more than the epoch. Trade-off: a killed run
resumes from up to that many seconds back.

They are written, and a fit is stopped, between two steps only. That leaves out the places that
Lightning 2.6 does not find back to: where gradients are being gathered, before a validation that is
due, and at the end of an epoch that has none. So Ctrl-C, SIGTERM and SIGHUP wait for the next place
to save at; a second one does not wait, and saves nothing.

Several processes that train one net agree after each batch and validation whether to save and
whether to stop; the first of them writes, and the random states of all.
"""

import copy
import math
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import CombinedLoader
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor

from seedbed.data.loader import Loader
from seedbed.data.resumable import ResumableLoader
from seedbed.errors import SettingError, TrainingError
from seedbed.lightning_private import fit_state, is_resumable_here, steps_done
from seedbed.metric_directions import is_metric
from seedbed.processes.distributed import all_gather, largest, rank
from seedbed.processes.signals import ending_signals
from seedbed.record.archive import is_plain
from seedbed.record.checkpoint import BEST, FOLDER, LAST, save
from seedbed.tasks.base import Task
from seedbed.terminal import log


class Checkpoints(Callback):
    """Writes `best.ckpt` and `last.ckpt`.

    Args:
        directory: The run's directory; they are written to `checkpoints` in it.
        monitor: The metric that decides which is best, as `val/loss`; without one the last is.
        mode: Whether a lower (`min`) or a higher (`max`) value is better.
        every_seconds: The least time between two writes.
    """

    def __init__(
        self,
        *,
        directory: str,
        monitor: str | None,
        mode: Literal["min", "max"],
        every_seconds: float = 30.0,
    ) -> None:
        self.directory = Path(directory) / FOLDER
        self.monitor = monitor
        self.mode = mode
        self.every_seconds = every_seconds
        self.best_score = math.inf if mode == "min" else -math.inf
        self._best: dict[str, Any] | None = None
        self._random_states: list[dict[str, Any]] | None = None
        self._written = time.monotonic()
        self._written_step = -1
        self._signal = 0
        self._usual: dict[int, Any] = {}
        self._intervals: tuple[Any, Any] | None = None
        self._most_batches = -1
        self._is_partial = False
        self._saved_metrics: dict[str, float] = {}
        self._waits = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Come after the callbacks whose states are saved, wherever they are listed."""
        callbacks = vars(trainer)["callbacks"]
        vars(trainer)["callbacks"] = [*(other for other in callbacks if other is not self), self]
        own = not isinstance(pl_module, Task) and "on_train_batch_end" not in vars(pl_module)
        if own and stage == "fit" and is_overridden("on_train_batch_end", pl_module):
            self._come_after(trainer, pl_module)

    def _come_after(self, trainer: Trainer, module: LightningModule) -> None:
        """Save after what a module does at the end of a batch, as to average its weights."""
        given = module.on_train_batch_end
        self._waits = True

        @wraps(given)
        def on_train_batch_end(*arguments: Any) -> None:
            given(*arguments)
            self._waits = False
            self.on_train_batch_end(trainer, module, None)
            self._waits = True

        vars(module)["on_train_batch_end"] = on_train_batch_end

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the random states, and let signals wait; Lightning undoes that after the fit."""
        if self._random_states:  # before the first batch, to which noise may be added
            _set_random_states(trainer, self._random_states[rank()])
        if trainer.fit_loop.restarted_mid_epoch:
            self._is_partial = not isinstance(pl_module, Task)  # which keeps its own running means
            _log_where_it_resumes(trainer)
        if len(trainer.optimizers) > 1:  # by Lightning's count each of their steps is one
            self._most_batches, trainer.fit_loop.epoch_loop.max_steps = trainer.max_steps, -1
        if trainer.is_last_batch and trainer.fit_loop.restarted_mid_epoch:
            # Saved at a validation, which Lightning skips now, but only if it is due.
            self._intervals = trainer.check_val_every_n_epoch, trainer.val_check_batch
            _validate_now(trainer)
        if threading.current_thread() is threading.main_thread():
            numbers = signal.SIGINT, *ending_signals()
            self._usual = {number: signal.signal(number, self._wait) for number in numbers}

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin at the epoch's own first batch, wherever a limit on batches ended the last one.

        Of several loaders each begins the epoch's first order; a shorter one has several.
        """
        loaders = CombinedLoader(trainer.train_dataloader).flattened
        own = [loader for loader in loaders if isinstance(loader, Loader | ResumableLoader)]
        longest = max(map(len, own), default=0)
        for loader in own:
            epoch = trainer.current_epoch * math.ceil(longest / max(len(loader), 1))
            loader.load_state_dict({"epoch": epoch, "batch": 0})
        if self._intervals:
            trainer.check_val_every_n_epoch, trainer.val_check_batch = self._intervals

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Have the last step validated; save, or stop, unless the epoch ends or is validated."""
        if self._waits:
            return
        at_end = self._at_end(trainer)
        if at_end:
            _validate_now(trainer)
        self._save_or_stop(trainer, at_end=at_end, after_batch=True)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Mark what a module logs of a resumed epoch: it covers the rest of the epoch only."""
        if self._is_partial:
            pl_module.log("partial", 1.0, rank_zero_only=True)
            _step_plateaus(trainer, self._saved_metrics)
        self._is_partial = False

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have a module's metrics logged over the same steps as those of the frame's tasks."""
        if not isinstance(pl_module, Task):
            pl_module.log("step", float(steps_done(trainer)), rank_zero_only=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the state if it is the best so far; save, or stop."""
        if trainer.state.fn != "fit" or trainer.sanity_checking:
            if self.monitor and self.monitor.startswith("val"):  # else it may be of training
                monitored(trainer.callback_metrics, self.monitor)
            return
        # Without a metric that decides it is NaN, which is never better.
        score = monitored(trainer.callback_metrics, self.monitor) if self.monitor else math.nan
        if score < self.best_score if self.mode == "min" else score > self.best_score:
            self.best_score = score
            self._best = copy.deepcopy(state_of(trainer))
        self._save_or_stop(trainer, at_end=self._at_end(trainer))

    def _at_end(self, trainer: Trainer) -> bool:
        """Whether this batch, or its validation, is the fit's last."""
        if self._most_batches > 0 and steps_done(trainer) >= self._most_batches:
            trainer.should_stop = True
            return True
        last_batch = trainer.is_last_batch and trainer.current_epoch + 1 == trainer.max_epochs
        return last_batch or trainer.global_step == trainer.max_steps

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write both at the end of the fit; one without a validation has no other best."""
        if self._best is None and math.isinf(self.best_score):
            self._best = state_of(trainer)
            if self.monitor is None and trainer.is_global_zero:
                log.info(
                    "no metric decides which checkpoint is the best: it is the last one. "
                    "To choose by one that is logged: monitor=NAME"
                )
        # Its last validation was saved already: from here on, a cut epoch counts as a whole one.
        if self._best is not None or self._written_step != trainer.global_step:
            self._write(trainer)
        _stop_if_signalled(*largest(self._signal))

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Leave what a fit that fails had at its best; an interrupt saves where it can."""
        if self._best is not None and isinstance(exception, Exception) and trainer.is_global_zero:
            with suppress(OSError):  # the disk may be full
                self.directory.mkdir(exist_ok=True)
                save(self._best, self.directory / BEST)

    def state_dict(self) -> dict[str, Any]:
        """The best score so far."""
        return {"best_score": self.best_score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the best score so far, which counts as long as its checkpoint is there."""
        if (self.directory / BEST).exists():
            self.best_score = state_dict["best_score"]

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take over the random states, and that the fit had stopped early if it had."""
        self._random_states = checkpoint["random_states"]
        self._saved_metrics = checkpoint["metrics"]
        if (self.directory / LAST).exists():
            self._written_step = checkpoint["global_step"]
        trainer.should_stop = checkpoint["stopped_early"]

    def _wait(self, number: int, frame: Any) -> None:
        self._signal = number
        signal.signal(number, self._usual[number])

    def _save_or_stop(self, trainer: Trainer, *, at_end: bool, after_batch: bool = False) -> None:
        # Of several processes, one whose clock or signal asks for it decides for all; so each of
        # them calls `largest`, whatever else is true.
        overdue = time.monotonic() - self._written >= self.every_seconds
        # A signal that comes during the write waits for the next place: no other process has it.
        due, received = largest(overdue, self._signal)
        if not (due or received or at_end or trainer.should_stop):
            return
        if not is_resumable_here(trainer, after_batch=after_batch):
            return
        self._write(trainer)
        _stop_if_signalled(received)

    def _write(self, trainer: Trainer) -> None:
        last = state_of(trainer)
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.save()  # a killed run's curves reach at least as far as its checkpoint
            self.directory.mkdir(exist_ok=True)
            if self._best is not None:
                save(self._best, self.directory / BEST)
            save(last, self.directory / LAST)
        self._best = None
        self._written = time.monotonic()
        self._written_step = trainer.global_step


def monitored(metrics: Mapping[str, Any], monitor: str) -> float:
    """The value of the metric that decides.

    Raises:
        SettingError: If it is not logged, with what is.
    """
    if monitor not in metrics:
        known = sorted(name for name in metrics if name.startswith("val"))
        known = known or sorted(filter(is_metric, metrics))
        logged = f"This task logs {', '.join(known)}." if known else "This task logs none."
        raise SettingError(f"monitor={monitor}: no such metric. {logged}")
    return float(metrics[monitor])


def _log_where_it_resumes(trainer: Trainer) -> None:
    """Log it if an epoch is resumed whose loader does not know its place."""
    loaders = CombinedLoader(trainer.train_dataloader).flattened
    data = getattr(trainer, "datamodule", None)
    if not all(hasattr(loader, "state_dict") for loader in loaders):
        batch = trainer.fit_loop.epoch_loop.batch_progress.current.ready
        log.info(
            f"{type(data).__name__} cannot restore its place: the epoch continues at batch "
            f"{batch + 1} with the first batches of the loader"
        )


def _step_plateaus(trainer: Trainer, saved: Mapping[str, float]) -> None:
    """Step the schedules that watch a metric, which Lightning does not in a resumed epoch.

    Args:
        trainer: The fit's.
        saved: The checkpoint's metrics: one of the epoch's last validation is not measured again.
    """
    if not trainer.lightning_module.automatic_optimization:
        return
    for one in trainer.lr_scheduler_configs:
        metric = trainer.callback_metrics.get(str(one.monitor), saved.get(str(one.monitor)))
        due = one.interval == "epoch" and (trainer.current_epoch + 1) % one.frequency == 0
        if one.reduce_on_plateau and due and metric is not None:
            trainer.lightning_module.lr_scheduler_step(one.scheduler, metric)


def _stop_if_signalled(number: int) -> None:
    if number:
        raise SystemExit(128 + number)


def _validate_now(trainer: Trainer) -> None:
    """Make a validation due at each step from here on."""
    trainer.check_val_every_n_epoch = trainer.val_check_batch = 1


def state_of(trainer: Trainer) -> dict[str, Any]:
    """All of a fit's state, and the metrics it has now: what a checkpoint holds."""
    state = fit_state(trainer)
    if not isinstance(trainer.lightning_module, Task):
        _leave_objects_out(state, trainer)
    return state | {
        "steps": steps_done(trainer),
        "metrics": {name: float(value) for name, value in trainer.callback_metrics.items()},
        "random_states": all_gather(_random_states(trainer)),
        "stopped_early": trainer.should_stop,
    }


def _leave_objects_out(state: dict[str, Any], trainer: Trainer) -> None:
    """Keep a module's hyperparameters as far as they are plain; the run's settings have them all.

    Raises:
        TrainingError: If it adds anything else to its checkpoints that is not.
    """
    for name in ("hyper_parameters", "datamodule_hyper_parameters"):
        if name in state:
            state[name] = {key: one for key, one in state[name].items() if is_plain(one)}
    for name, value in state.items():
        if name not in ("state_dict", "optimizer_states") and not is_plain(value):
            raise TrainingError(
                f"{type(trainer.lightning_module).__name__}, its data or a callback puts an object "
                f"into the checkpoint's {name}, and a checkpoint holds tensors and plain values "
                "only; have its on_save_checkpoint or state_dict save those."
            )


def _random_states(trainer: Trainer) -> dict[str, Tensor | None]:
    """Those of this process, which uses one device."""
    device = trainer.strategy.root_device
    gpus = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return {"cpu": torch.get_rng_state(), "cuda": gpus}


def _set_random_states(trainer: Trainer, states: dict[str, Any]) -> None:
    device = trainer.strategy.root_device
    torch.set_rng_state(states["cpu"])
    if states["cuda"] is not None and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
