"""A run of this process is shown: what went wrong in it, its pictures, its page.

It is drawn by `report/`, an extra as well; where that is not there, nothing is shown.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed.config.build import Study
from seedbed.config.compose import composed, plain
from seedbed.config.initial import initial_task
from seedbed.config.overrides import REFUSALS
from seedbed.errors import SettingError
from seedbed.lightning_private import steps_done
from seedbed.looks.hyperparameters import log_hyperparameters
from seedbed.project import is_there
from seedbed.record.directory import RunDirectory
from seedbed.record.files import flat
from seedbed.record.run import Run, read_run
from seedbed.record.settings import EXPERIMENT, listed
from seedbed.tensorboard import add_image
from seedbed.terminal import log

if TYPE_CHECKING:
    from seedbed.report.picture import Picture
    from seedbed.report.view import View

OF_ENDED = ("layers", "landscape")
"""Pictures of what a fit went through, and not of what its net can do."""


def run_in(folder: Path) -> RunDirectory | None:
    """The run that a callback's folder is of; None where parts were only built there."""
    run = RunDirectory(folder)
    return run if run.config_file.exists() else None


def conclude(
    run: RunDirectory, config: Mapping[str, Any], study: Study, metrics: Mapping[str, float]
) -> None:
    """Give TensorBoard the settings and final metrics; say what went wrong in the fit."""
    log_hyperparameters(study.trainer, listed(dict(flat(config))), metrics)
    examine(run)


def examine(run: RunDirectory, reported: set[str] | None = None, *, early: bool = False) -> None:
    """Say what went wrong in the fit, and keep it with the run; all may be well.

    Args:
        run: The run.
        reported: The rules whose findings were reported before; those of the new ones are added.
        early: Whether the run still goes on.
    """
    if not is_there("seedbed.report"):
        return
    from seedbed.report.doctor import examine as lines

    for line in lines(run.path, set() if reported is None else reported, early=early):
        log.info(line)


def show(run: RunDirectory, config: Mapping[str, Any], study: Study, *, ended: bool = True) -> None:
    """Draw what a net has learnt, for TensorBoard and for the page of a run that has just finished.

    Nothing is drawn with `report=false`, or where there is no extra. Whatever goes wrong with it
    is reported, and fails no run.

    Args:
        run: The run.
        config: Its settings.
        study: What it was built of.
        ended: Whether its fit has ended, and the best weights are back; before, there is no page.
    """
    if config.get("report") is False or not is_there("seedbed.report"):
        return
    from lightning.pytorch.utilities.seed import isolate_rng

    from seedbed.report.picture import pictures_of
    from seedbed.report.run_page import DRAWN

    try:
        with _uncollected():
            with isolate_rng():  # the fit's numbers are the same, whoever looks at it
                view = _view_of(study, run, config, weights="best" if ended else "now")
                pictures = pictures_of(view, without=DRAWN if ended else (*DRAWN, *OF_ENDED))
            for picture in pictures:
                name, step = f"pictures/{picture.name}", steps_done(study.trainer)
                add_image(study.trainer, name, picture.png, step)
            if ended:
                log.info(f"report: {write_page(view, pictures)}")
    except Exception as error:
        log.info(f"report: not written ({type(error).__name__}: {error})")


@contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile: a fifth of the time, as figures are so many objects."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _view_of(study: Study, run: RunDirectory, config: Mapping[str, Any], *, weights: str) -> "View":
    """See a run of this process, whose net has the `best` weights, or those of `now`."""
    from seedbed.report.view import View

    start = initial_task(config, getattr(study.datamodule, "sizes", {}))
    seen = read_run(run.path, tolerant=True)
    return View(seen, study.task, study.datamodule, start, weights)


def write_page(view: "View", pictures: list["Picture"]) -> Path:
    """Write the page of a run that is seen, with these pictures."""
    from seedbed.report.doctor import diagnose
    from seedbed.report.run_page import Contents, write_run_page

    contents = Contents(
        kind=view.kind,
        parameters=sum(p.numel() for p in view.net.parameters()),
        findings=diagnose(view.run),
        pictures=pictures,
        defaults=defaults_of(view.run),
    )
    return write_run_page(view.run, contents)


def defaults_of(run: Run) -> dict[str, Any] | None:
    """The experiment's own settings, flat, as the configuration has them today; None without one.

    Where nothing but the experiment was typed they are the run's.
    """
    from hydra.core.singleton import Singleton

    experiment = run.config.get(EXPERIMENT)
    if experiment in (None, "none"):
        return None
    if (
        not run.resumed
        and run.typed
        and all(word.startswith(("experiment=", "hydra.")) for word in run.typed)
    ):
        return dict(run.config)
    before = Singleton.get_state()
    try:
        return dict(flat(plain(composed([f"experiment={experiment}"]))))
    except (*REFUSALS, SettingError):  # it has gone, or needs a file
        return None
    finally:
        Singleton.set_state(before)
