"""A run to be seen, for its pictures: one that is opened, or one that has just ended.

Imports torch late, for reports of runs that need none.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed.record.directory import RunDirectory
from seedbed.record.run import read_run
from seedbed.report.view import View
from seedbed.speed import quick_imports

if TYPE_CHECKING:
    from seedbed.config.build import Study


def open_view(path: str | Path) -> View:
    """Open a run's directory to be seen, with the weights of its best checkpoint.

    Raises:
        RunError: As `load`.
        SettingError: As `load`.
    """
    with quick_imports():
        from seedbed.runs.load import load

    run = load(path)
    start = _start(run.config, getattr(run.datamodule, "sizes", {}))
    return View(read_run(run.directory.path, tolerant=True), run.task, run.datamodule, start)


def view_of(study: "Study", run: RunDirectory, config: Mapping[str, Any], *, weights: str) -> View:
    """See a run of this process, whose net has the `best` weights, or those of `now`."""
    start = _start(config, getattr(study.datamodule, "sizes", {}))
    seen = read_run(run.path, tolerant=True)
    return View(seen, study.task, study.datamodule, start, weights)


def _start(config: Mapping[str, Any], sizes: Mapping[str, Any]) -> Callable[[], Any] | None:
    """What makes the task with its initial weights: they follow from the seed."""
    if config.get("weights"):
        return None

    def build() -> Any:
        from lightning import seed_everything
        from lightning.pytorch.utilities.seed import isolate_rng

        from seedbed.config.build import build_task

        with isolate_rng():
            seed_everything(config["seed"], verbose=False)
            os.environ.pop("PL_GLOBAL_SEED")  # which later fits of this process would heed
            return build_task({**config, "compile": False}, sizes).eval()

    return build
