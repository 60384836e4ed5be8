"""All that a resumed fit takes over, compared before it does.

The pattern is the checkpoint that the fit itself would write before its first step, so that it
serves any module, data and callbacks. Trade-off: what only comes up later (a callback's list that
fills) is compared by its type alone, and what takes it over may have to refuse it.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor

from seedbed.callbacks.checkpoints import state_of
from seedbed.data.rows import RowsDataModule
from seedbed.data.tokens import TokensDataModule
from seedbed.lightning_private import forget_training_data, is_restoring
from seedbed.record.checkpoint import load
from seedbed.record.directory import RunDirectory
from seedbed.runs.optimizer_state import optimizers_differ, schedules_differ
from seedbed.runs.validate import REFUSALS, Differences, differ, refuse, unfit, weights_differ
from seedbed.tasks.base import Task

OLDEST = (2, 6)
"""The version of Lightning since which checkpoints are as they are now."""


class CheckedRestore(Callback):
    """Compares all that a fit takes over, in two turns: the optimizers come later than the rest.

    Args:
        run: The run's directory.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._state: dict[str, Any] = {}
        self._path = Path()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Have Lightning read the checkpoint through here."""
        trainer.strategy.checkpoint_io = _Reading(self, trainer)

    def read(self, trainer: Trainer, path: Path) -> dict[str, Any]:
        """Open the checkpoint and compare all but optimizers and schedules.

        Raises:
            RunError: If anything is not as it should be.
        """
        self._path, self._state = path, load(path)
        refuse(path, _fit_differs(self._state, trainer))
        return self._state

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare optimizers and schedules, before they take over theirs."""
        # An optimizer's or schedule's length may have set up the training data, too early.
        forget_training_data(trainer)
        state = self._state
        refuse(self._path, optimizers_differ(state["optimizer_states"], trainer))
        schedules = [config.scheduler for config in trainer.lr_scheduler_configs]
        refuse(self._path, schedules_differ(state["lr_schedulers"], schedules))
        self._state = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Mark the run as running: all is compared, and taken over."""
        if trainer.is_global_zero:
            self.run.start()


class _Reading(TorchCheckpointIO):
    def __init__(self, checked: CheckedRestore, trainer: Trainer) -> None:
        self._checked = checked
        self._trainer = trainer

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return self._checked.read(self._trainer, Path(path))


def _fit_differs(found: Mapping[str, Any], trainer: Any) -> Differences:
    pattern = state_of(trainer)
    version = re.match(r"(\d+)\.(\d+)", str(found.get("pytorch-lightning_version")))
    if not version or tuple(map(int, version.groups())) < OLDEST:
        yield "pytorch-lightning_version: expected 2.6 or later"
    # The optimizers' come later, and the data itself compares its own.
    others = (*("optimizer_states", "lr_schedulers"), type(trainer.datamodule).__qualname__)
    for name, expected in pattern.items():
        if name not in found:
            if name != "steps":  # which earlier versions did not count
                yield f"{name}: is missing"
        elif name in ("state_dict", "current_model_state"):
            yield from weights_differ(found[name], expected, name)
        elif name == "loops":
            yield from _loops_differ(found[name], expected, ours=_is_ours(trainer))
        elif name == "random_states":
            yield from _random_states_differ(found[name], processes=len(expected))
        elif name == "running":
            yield from _running_differs(found[name], expected, trainer)
        elif name not in (*others, "metrics"):
            yield from differ(found[name], expected, name, closed=False)


def _is_ours(trainer: Any) -> bool:
    """Whether the place in the training data is that of a `Loader`."""
    return isinstance(trainer.datamodule, RowsDataModule | TokensDataModule)


def _loops_differ(found: Any, pattern: Mapping[str, Any], *, ours: bool) -> Differences:
    """The counts of all loops; how far the training data was comes up once that is loaded."""
    fit = found.get("fit_loop") if isinstance(found, Mapping) else None
    state = fit.get("state_dict") if isinstance(fit, Mapping) else None
    if isinstance(fit, Mapping) and isinstance(state, Mapping) and "combined_loader" in state:
        if ours:
            place = "loops.fit_loop.state_dict.combined_loader"
            yield from differ(state["combined_loader"], [{"epoch": 0, "batch": 0}], place)
        rest = {name: value for name, value in state.items() if name != "combined_loader"}
        found = {**found, "fit_loop": {**fit, "state_dict": rest}}
    yield from differ(found, pattern, "loops")


def _random_states_differ(found: Any, *, processes: int) -> Differences:
    """Each process's; on another accelerator than the run's there is none of its own."""
    if not isinstance(found, list) or len(found) != processes:
        yield f"random_states: expected those of {processes} processes"
        return
    for number, state in enumerate(found):
        place = f"random_states[{number}]"
        if not isinstance(state, Mapping) or not {"cpu", "cuda"} <= set(state):
            yield f"{place}: expected those of cpu and cuda"
            continue
        cuda = state["cuda"] is not None and torch.cuda.is_available()
        for device in ("cpu", "cuda") if cuda else ("cpu",):
            try:
                torch.Generator(device).set_state(state[device])
            except REFUSALS:
                yield f"{place}.{device}: expected the state of a generator"


def _running_differs(found: Any, pattern: list[Any], trainer: Any) -> Differences:
    """What a task gathers between validations; its predictions are as those of a batch now."""
    differences = [*differ(found, pattern, "running")]
    yield from differences
    task = trainer.lightning_module
    if differences or not isinstance(task, Task):
        return
    gathered = [
        (f"running[{number}].predicted[{place}]", pair)
        for number, state in enumerate(found)
        for place, pair in enumerate(state["predicted"])
    ]
    for number, state in enumerate(found):
        for name, value in state["sums"].items():
            yield from differ(value, 0.0, f"running[{number}].sums.{name}")
    if not gathered:
        return
    batch = next(iter(trainer.datamodule.train_dataloader()))
    with torch.no_grad():
        expected = task.step(batch).predicted
    for place, pair in gathered:
        if not isinstance(pair, tuple) or len(pair) != 2 or expected is None:
            yield f"{place}: expected outputs and targets"
            continue
        for content, other in zip(pair, expected, strict=True):
            same = isinstance(content, Tensor) and content.ndim == other.ndim
            rows = other[:1].expand(len(content) if same else 1, *other.shape[1:])
            yield from differ(content, rows, place)


@contextmanager
def restoring(run: RunDirectory, path: Path, trainer: Trainer) -> Iterator[None]:
    """Have all that a fit takes over from a checkpoint compared, or explained if refused.

    Raises:
        RunError: Naming the checkpoint.
    """
    vars(trainer)["callbacks"] = [*vars(trainer)["callbacks"], CheckedRestore(run)]
    try:
        yield
    except (*REFUSALS, MisconfigurationException) as error:
        # Lightning 2.6 keeps the checkpoint there for as long as it takes over from it.
        if not is_restoring(trainer):
            raise
        raise unfit(path, run, error) from error
