"""A run, opened: its settings, its data, its net with weights, its metrics.

Every verb on a run begins here. The net's sizes, the vocabulary and the scale of the inputs come
from the checkpoint, so the data need not be there until someone asks the DataModule for some.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seedbed.config.build import build_data, build_task
from seedbed.config.targets import check_targets
from seedbed.data.base import seal_test
from seedbed.errors import RunError, SettingError
from seedbed.files import refuse_links_out
from seedbed.metric_directions import COUNTS
from seedbed.record import checkpoint as checkpoints
from seedbed.record.directory import RunDirectory
from seedbed.runs.validate import (
    REFUSALS,
    check_layout,
    kept_weights,
    refuse,
    unfit,
    weights_differ,
)
from seedbed.tasks.base import net_of


@dataclass(frozen=True)
class LoadedRun:
    """A run with the weights of one of its checkpoints, on the CPU, in evaluation mode."""

    directory: RunDirectory
    config: dict[str, Any]
    """The resolved settings."""
    checkpoint: Path
    datamodule: Any
    """The LightningDataModule; one of the frame's kinds knows what the checkpoint knows of the
    data, and loads the data once asked for some."""
    task: Any
    """The LightningModule."""
    step: int
    """Where in the fit the checkpoint is from."""
    metrics: dict[str, float]
    """What was logged with this checkpoint; of the best one of a finished run, its test too."""

    @property
    def net(self) -> nn.Module:
        """The network."""
        return net_of(self.task)


def load(run: str | Path, checkpoint: str | Path = "best", *, exact: bool = False) -> LoadedRun:
    """Open a run's directory, wherever it lies now.

    Args:
        run: The directory.
        checkpoint: `best`, `last`, or a checkpoint file of this run's net.
        exact: Whether weights of double precision stay so; else the net is of single precision.

    Raises:
        RunError: If it is no run, or has no such checkpoint, or that cannot be used.
        SettingError: If its configuration names anything that is not allowed.
    """
    directory = RunDirectory(Path(run))
    config = directory.config()
    check_targets(config)
    path = _chosen(directory, checkpoint)
    state = checkpoints.load(path)
    try:
        datamodule = build_data(config)
        if kept := state.get(type(datamodule).__qualname__):  # a module may keep nothing
            datamodule.load_state_dict(kept)
        sizes = getattr(datamodule, "sizes", {})
        check_layout(path, state, config, sizes)
        task = build_task(config | {"compile": False}, sizes, datamodule)
        weights = state["state_dict"]
        refuse(path, weights_differ(weights, kept_weights(task, weights)))
        if exact and any(weight.dtype == torch.float64 for weight in weights.values()):
            task.double()
        task.load_state_dict(weights, strict=task.strict_loading)
        if config.get("test") is False:
            seal_test(datamodule, task)
        step = int(state.get("steps", state["global_step"]))
        metrics = {
            name: value
            for name, value in sorted(state["metrics"].items())
            if not name.startswith("test/") and name not in COUNTS
        }
    except (*REFUSALS, SettingError) as error:
        raise unfit(path, directory, error) from error
    if path == directory.best and directory.metrics_file.exists():
        metrics = directory.metrics()
    return LoadedRun(directory, config, path, datamodule, task.eval(), step, metrics)


def check_place(directory: RunDirectory, place: Path) -> None:
    """Refuse to write to a place in a run's directory, however named, if a link there leads out.

    Raises:
        RunError: Naming the link.
    """
    above = (folder for folder in (place, *place.absolute().parents) if folder.exists())
    if any(folder.samefile(directory.path) for folder in above):
        refuse_links_out(directory.path)


def _chosen(directory: RunDirectory, checkpoint: str | Path) -> Path:
    known = {"best": directory.best, "last": directory.last}
    path = known.get(str(checkpoint), Path(checkpoint))
    if path.exists():
        return path
    if str(checkpoint) in known:
        missing = f"{directory.path} has no {checkpoint} checkpoint"
        if directory.state() in ("finished", "failed"):
            raise RunError(f"{missing}.")
        raise RunError(
            f"{missing} yet; a fit writes them at its end, and a longer one every half minute."
        )
    raise RunError(f"{path}: no such checkpoint; give best, last, or the path of a file.")
