"""The preflight on its own: settings, data, and one batch through the net, without a fit."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from lightning import Trainer

from seedbed.config.build import Study, build
from seedbed.config.checks import check as check_settings
from seedbed.config.compose import composed, is_path, plain
from seedbed.config.targets import GIVEN_PLACES, required, resolve
from seedbed.errors import SeedbedError, SettingError
from seedbed.project import CONF
from seedbed.runs.start import settings_of
from seedbed.tasks.base import Task

NEEDS_FILE = "it is for a file of your own, data.path=FILE"
"""In place of a batch's figures."""


@dataclass(frozen=True)
class Result:
    """The result of one study."""

    study: str
    """Its overrides, as they are typed."""
    problem: str | None
    batch: str | None
    """The figures of a batch, if there was no problem."""
    seconds: float
    exit_status: int


def check_each(overrides: Sequence[str]) -> Iterator[Result]:
    """Try one study, or each shipped experiment where there are no overrides."""
    names = [path.stem for path in sorted((CONF / "experiment").glob("*.yaml"))]
    names = [name for name in names if name != "none"]
    for study in [overrides] if overrides else [[f"experiment={name}"] for name in names]:
        started = time.perf_counter()
        problem = batch = None
        status = 0
        try:
            needs_file = not overrides and _needs_file(study)
            batch = NEEDS_FILE if needs_file else check(study)
        except SeedbedError as error:
            problem, status = str(error), error.exit_status
        yield Result(" ".join(study), problem, batch, time.perf_counter() - started, status)


def _needs_file(study: Sequence[str]) -> bool:
    """Whether an experiment is for data of one's own, and cannot be tried without."""
    data = plain(composed([*study]))["data"]
    needed = {*required(resolve(data["_target_"], "data"))} - {*GIVEN_PLACES}
    return any(is_path(name) and data.get(name) is None for name in needed)


def as_text(result: Result) -> str:
    """A line if all is well, else every problem below the study's name."""
    line = f"{result.study:<36}{result.seconds:>6.1f} s   "
    if result.problem is None:
        return f"{line}ok: {result.batch}"
    return "\n    ".join([f"{line}wrong", *result.problem.splitlines()])


def check(overrides: Sequence[str]) -> str:
    """Try what `python train.py OVERRIDES` would train; return the figures of one batch.

    Raises:
        SettingError: Listing every wrong setting, or saying why a batch does not go through.
        DataError: If the data cannot be used.
        FetchError: If it is to be fetched, and cannot be.
    """
    _, config = settings_of(overrides)
    check_settings(config)
    with TemporaryDirectory() as folder:
        return _through(build(config | {"compile": False}, Path(folder)))


def _through(study: Study) -> str:
    """Take the loss of a training batch, and the measures of a validation batch."""
    if not isinstance(study.task, Task):
        return _fitted(study)
    batch = next(iter(study.datamodule.train_dataloader()))
    held_out = next(iter(study.datamodule.val_dataloader()))
    inputs, _ = batch
    try:
        with torch.no_grad():
            step = study.task.step(batch)
            study.task.validation_step(held_out)
    except (RuntimeError, ValueError, IndexError) as error:
        raise SettingError(
            f"net: a batch of inputs {[*inputs.shape]} does not go through "
            f"{type(study.task.net).__name__} and {type(study.task).__name__}: {error}"
        ) from error
    loss = float(step.loss)
    if not math.isfinite(loss):
        raise SettingError(f"init: the loss of a first batch is {loss}; choose another init.")
    return f"a batch of {[*inputs.shape]}, loss {loss:.4f}"


def _fitted(study: Study) -> str:
    """Train a module that brings its own training on one batch, and validate another."""
    trainer = Trainer(
        fast_dev_run=True,
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    try:
        trainer.fit(study.task, datamodule=study.datamodule)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise SettingError(
            f"task: a batch does not go through {type(study.task).__name__}: {error}"
        ) from error
    return f"a batch through {type(study.task).__name__}"
