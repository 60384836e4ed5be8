"""Ends a job of a sweep that is worse than half of the jobs before it.

The median rule (Golovin et al. 2017), as Optuna's `MedianPruner` has it: at a validation, the best
value so far is compared with the median of what the finished jobs had at the same step. It is
decided within the job, from its siblings' files, so it is the same in one process or in many, and
a job is stopped where nothing but its end is lost: its best checkpoint is tested as always.
"""

from pathlib import Path
from statistics import median
from typing import Any, Literal

from lightning import LightningModule, Trainer

from seedbed.callbacks.stopping import Stopping
from seedbed.record.directory import RunDirectory
from seedbed.record.files import SWEEP, read_log

Curve = dict[int, float]
"""A metric's values by step."""


class Pruning(Stopping):
    """Stops a fit by the median rule; does nothing in a run that is no job of a sweep.

    Args:
        directory: The run's directory; the other jobs lie beside it.
        monitor: The metric.
        mode: Whether a lower (`min`) or a higher (`max`) value is better.
        startup: How many jobs must have finished before one is stopped.
    """

    def __init__(
        self, *, directory: str, monitor: str, mode: Literal["min", "max"], startup: int = 5
    ) -> None:
        super().__init__(monitor=monitor)
        self.run = RunDirectory(Path(directory))
        self.mode = mode
        self.startup = startup
        self.curve: Curve = {}
        self.pruned: int | None = None
        self._finished: dict[Path, Curve] = {}

    def reason(self, value: float) -> str | None:
        """Whether the median is better."""
        self.curve[self.step] = value
        others = self._others()
        if not is_pruned(self.curve, others, mode=self.mode, startup=self.startup):
            return None
        self.pruned = self.step
        return f"pruned: {self.monitor} is worse than the median of {len(others)} other jobs."

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Mark the run, whose state alone says only that it finished."""
        if self.pruned is not None and trainer.is_global_zero:
            self.run.set_status("running", pruned=self.pruned)

    def state_dict(self) -> dict[str, Any]:
        """The values so far, and the step at which the fit was stopped."""
        return {"curve": dict(self.curve), "pruned": self.pruned}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with them."""
        self.curve = {int(step): float(value) for step, value in state_dict["curve"].items()}
        self.pruned = None if state_dict["pruned"] is None else int(state_dict["pruned"])

    def _others(self) -> list[Curve]:
        """The curves of the jobs that went to their end; what was read once is kept."""
        if (self.run.path.parent / SWEEP).exists():
            for file in self.run.path.parent.glob("*/status.json"):
                path = file.parent
                if path not in self._finished and is_whole(RunDirectory(path).status()):
                    self._finished[path] = read_curve(path, self.monitor)
        return list(self._finished.values())


def is_whole(status: dict[str, Any]) -> bool:
    """Whether a run has finished, and was not pruned."""
    return status.get("state") == "finished" and "pruned" not in status


def is_pruned(
    mine: Curve, others: list[Curve], *, mode: Literal["min", "max"], startup: int
) -> bool:
    """Whether the best of one curve is worse than the median of the others at its last step."""
    step = max(mine)
    there = [curve[step] for curve in others if step in curve]
    if len(others) < startup or not there:
        return False
    middle = median(there)
    return min(mine.values()) > middle if mode == "min" else max(mine.values()) < middle


def read_curve(folder: Path, metric: str) -> Curve:
    """A metric's values from a run's `metrics.csv`."""
    log = read_log(folder)
    pairs = zip(log["step"], log[metric], strict=True) if metric in log else ()
    return {int(step): value for step, value in pairs if step is not None and value is not None}
