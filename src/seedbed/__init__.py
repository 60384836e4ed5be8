"""Seedbed: small studies of how networks are trained, on one frame.

run = seedbed.load("logs/regression/table/2026-01-31_12-00-00-0a1b2c3d")
run.config, run.datamodule, run.net, run.metrics
"""

from __future__ import annotations

TYPE_CHECKING = False  # nothing is imported before `__main__` has made that safe
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seedbed.runs.load import LoadedRun


def run(overrides: Sequence[str] = ()) -> LoadedRun:
    """Start a run as `python train.py OVERRIDES` does, and open it once it has finished.

    Args:
        overrides: As they are typed, `experiment=NAME`, `optimizer.lr=0.1`.

    Raises:
        SettingError: Listing every wrong setting.
        SeedbedError: If the run failed in a way that can be explained.
    """
    from seedbed.runs.start import run as start

    return start(overrides)


def load(run: str | Path, checkpoint: str | Path = "best") -> LoadedRun:
    """Open a run's directory: its config, DataModule, net with weights, and metrics.

    Args:
        run: The directory.
        checkpoint: `best`, `last`, or a checkpoint file of this run's net.

    Raises:
        RunError: If it is no run, or has no such checkpoint, or that cannot be used.
        SettingError: If its configuration names anything that is not allowed.
    """
    from seedbed.runs.load import load as load_run

    return load_run(run, checkpoint)
