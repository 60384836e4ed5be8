"""A training step without the calls that have nothing to do.

Lightning's own step asks a profiler, a strategy, a precision and some twenty hooks, one after the
other, whether they have anything to do; beside a net whose step takes a millisecond, that is half
as much again. Where none has, the step here does the same in the same order, and everywhere else
Lightning's own does it. Trade-off: it relies on private classes of Lightning.
"""

from collections.abc import Callable
from typing import Any

import torch
from lightning import Callback, LightningDataModule, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loops.fetchers import _DataFetcher
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.plugins.precision import Precision
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor

from seedbed.data.loader import Loader
from seedbed.tasks.base import Task

WITHIN = (
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
)
"""The hooks within a step, of callbacks and of the task."""

TRANSFER = ("on_before_batch_transfer", "transfer_batch_to_device")
"""The hooks by which a batch gets to a device, of the data and of the task."""

OF_TASK = (
    "on_after_batch_transfer",  # the data's is called, the task's would be lost
    "on_train_batch_start",
    "on_train_batch_end",
    "training_step",
    "backward",
    "optimizer_step",
    "optimizer_zero_grad",
    "clip_gradients",
    "configure_gradient_clipping",
    "lr_scheduler_step",
)
"""What else a task may do in a way of its own."""


def with_lean_steps(trainer: Trainer) -> Trainer:
    """Have a Trainer take lean steps in the fits in which they are equivalent."""
    usual = trainer.fit_loop.epoch_loop
    trainer.fit_loop.epoch_loop = LeanSteps(trainer, usual.min_steps, usual.max_steps)
    return trainer


class LeanSteps(_TrainingEpochLoop):
    """Lightning's loop over the batches of an epoch, with its own step and a lean one."""

    _lean = False
    _hooks: dict[str, list[Callable[..., None]]]

    def on_run_start(self, data_fetcher: _DataFetcher) -> None:
        """Choose before an epoch which step is used."""
        super().on_run_start(data_fetcher)
        self._look()

    def advance(self, data_fetcher: _DataFetcher) -> None:
        """Train on the next batch."""
        if not self._lean or self.restarting or self.val_loop.restarting:
            super().advance(data_fetcher)
            return
        trainer, progress = self.trainer, self.batch_progress
        task, optimizer = self._task, trainer.optimizers[0]
        counts = self.automatic_optimization.optim_progress.optimizer
        connector = trainer._logger_connector
        outputs: dict[str, Tensor] = {}

        batch, *_ = next(data_fetcher)
        number = self.batch_idx + 1
        progress.is_last_batch = data_fetcher.done
        batch = trainer.datamodule.on_after_batch_transfer(batch, 0)
        progress.increment_ready()
        connector.on_batch_start(batch)
        self._call("on_train_batch_start", batch, number)
        progress.increment_started()

        def closure() -> Tensor:
            with torch.enable_grad():
                loss: Tensor = task.training_step(batch)
                optimizer.zero_grad()
                counts.zero_grad.increment_by(1)
                loss.backward()  # type: ignore[no-untyped-call]
            outputs["loss"] = loss.detach()
            return outputs["loss"]

        self._enter("training_step")
        counts.step.increment_ready()
        optimizer.step(closure=closure)
        counts.step.increment_completed()
        if not outputs:
            raise MisconfigurationException(
                f"{type(optimizer).__name__}: its step did not call the closure, by which it gets "
                "gradients."
            )
        progress.increment_processed()
        trainer.lr_scheduler_configs[0].scheduler.step()
        self.scheduler_progress.increment_by(1)

        self._call("on_train_batch_end", outputs, batch, number)
        self._enter(None)
        progress.increment_completed()
        if self._results:  # something was logged
            connector.on_batch_end()
            connector.update_train_step_metrics()
        self._results.batch = None

    def on_advance_end(self, data_fetcher: _DataFetcher) -> None:
        """Validate, where it is due, and end if the Trainer should stop."""
        due = self._should_check_val_fx(data_fetcher)
        if self._lean and not (due or self.trainer.should_stop or self.trainer.received_sigterm):
            self._batches_that_stepped += 1
        else:
            super().on_advance_end(data_fetcher)
            if due:
                self._look()

    def _look(self) -> None:
        """Choose the step until the next validation, and the callbacks that follow batches."""
        self._lean = is_lean(self.trainer)
        self._task = self.trainer.lightning_module
        self._hooks = {
            hook: _of_callbacks(hook, self.trainer)
            for hook in ("on_train_batch_start", "on_train_batch_end")
        }

    def _call(self, hook: str, *arguments: Any) -> None:
        self._enter(hook)
        for call in self._hooks[hook]:
            call(self.trainer, self._task, *arguments)

    def _enter(self, hook: str | None) -> None:
        """Name the hook whose rules hold for what is logged; torch's `__setattr__` is slow."""
        vars(self._task)["_current_fx_name"] = hook


def is_lean(trainer: Any) -> bool:
    """Whether a lean step is equivalent to Lightning's in the fit that a Trainer is in."""
    task, data, strategy = trainer.lightning_module, trainer.datamodule, trainer.strategy
    return (
        (type(strategy) is SingleDeviceStrategy and strategy.root_device.type == "cpu")
        and type(trainer.precision_plugin) is Precision
        and type(trainer.profiler) is PassThroughProfiler
        and (trainer.accumulate_grad_batches == 1 and not trainer.gradient_clip_val)
        and [(one.interval, one.frequency) for one in trainer.lr_scheduler_configs] == [("step", 1)]
        and isinstance(trainer.train_dataloader, Loader)  # which has no batch that is None
        and not any(_has_own(hook, task, Task) for hook in (*WITHIN, *TRANSFER, *OF_TASK))
        and isinstance(data, LightningDataModule)
        and not any(_has_own(hook, data, LightningDataModule) for hook in TRANSFER)
        and not any(_of_callbacks(hook, trainer) for hook in WITHIN)
    )


def _of_callbacks(hook: str, trainer: Any) -> list[Callable[..., None]]:
    """A hook of those callbacks that have one of their own."""
    own = [getattr(one, hook) for one in trainer.callbacks if _has_own(hook, one, Callback)]
    return [call for call in own if callable(call)]


def _has_own(hook: str, one: object, usual: type) -> bool:
    return hook in vars(one) or getattr(type(one), hook) is not getattr(usual, hook)
