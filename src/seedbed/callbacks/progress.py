"""The fit as the user sees it: one bar for the whole fit, and a line for each validation.

Lightning's own bars restart with every epoch, which says little where a fit is counted in steps.
Without a terminal there is no bar, only the lines; a fit without validations has one an epoch.
"""

import time
from collections.abc import Mapping
from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from seedbed.callbacks.throughput import unit_of
from seedbed.lightning_private import steps_done
from seedbed.metric_directions import is_metric
from seedbed.tasks.base import Task
from seedbed.terminal import log
from seedbed.terminal.console import console

MOST = 4
"""Metrics of a module that says nothing of which to show."""


class ProgressLines(Callback):
    """Draws the bar and logs the lines.

    Args:
        every: Log one in this many validations; the first and the last always.

    Raises:
        ValueError: If `every` is below 1.
    """

    def __init__(self, *, every: int = 1) -> None:
        if every < 1:
            raise ValueError(f"every={every}: expected 1 or more")
        self.every = every
        self._count = 0
        self._pending = ""
        self._columns: dict[str, int] | None = None
        """The metrics that a line shows, with the widths of their columns."""
        self._began = time.monotonic()
        self._bar: Progress | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the bar, where there is a terminal to draw it on."""
        if not (console.is_terminal and trainer.is_global_zero):
            return
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps, time left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._bar.start()
        total = trainer.estimated_stepping_batches
        self._bar.add_task("", total=total, completed=steps_done(trainer))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, *_: Any
    ) -> None:
        """Move the bar."""
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=steps_done(trainer))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log a line of the metrics."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        line = self._line(trainer, pl_module)
        if self._count % self.every == 0:
            log.info(line)
            self._pending = ""
        else:
            self._pending = line
        self._count += 1

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log a line of a fit that has no validations."""
        if not any(trainer.num_val_batches):
            self.on_validation_end(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the last line, if it was left out, and take the bar away."""
        if self._pending:
            log.info(self._pending)
        self._stop()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Take the bar away before an error is printed."""
        self._stop()

    def _stop(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None

    def _line(self, trainer: Trainer, task: LightningModule) -> str:
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        unit = unit_of(task)
        rate, rate_width = figures.get(f"throughput/{unit}_per_second"), max(len(unit) + 3, 10)
        if self._columns is None:
            shown = {
                name: name.replace("dataloader_idx_", "")[-15:]
                for name in _named(trainer, task, figures)
            }
            # A line of four of a task's metrics fits into 80 columns.
            self._columns = {name: max(len(shown[name]) + 1, 11) for name in shown}
            header = "".join(f"{shown[name]:>{width}}" for name, width in self._columns.items())
            log.info(f"{'step':>8}{header}{unit + '/s':>{rate_width}}{'time':>7}")
        cells = "".join(f"{_cell(figures.get(n)):>{width}}" for n, width in self._columns.items())
        seconds = int(time.monotonic() - self._began)
        return (
            f"{steps_done(trainer):>8,}{cells}"
            f"{'' if rate is None else f'{rate:,.0f}':>{rate_width}}"
            f"{f'{seconds // 60}:{seconds % 60:02}':>7}"
        )


def _named(trainer: Trainer, task: LightningModule, figures: Mapping[str, float]) -> list[str]:
    """What a task shows; of another module the metric that decides, then those of validation."""
    if isinstance(task, Task):
        return ["train/loss", "val/loss", *task.headline]
    watched = {getattr(one, "monitor", None) for one in trainer.callbacks}  # type: ignore[attr-defined]
    # Lightning has what is logged by steps and by epochs under three names.
    forks = {f"{name}_{kind}" for name in figures for kind in ("step", "epoch")} - watched
    metrics = [name for name in figures if is_metric(name) and name not in forks]
    return sorted(metrics, key=lambda n: (n not in watched, not n.startswith("val"), n))[:MOST]


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}" if abs(value) < 1000 else f"{value:,.0f}"
