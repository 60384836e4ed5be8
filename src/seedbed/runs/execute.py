"""The one primitive: execute what a run's directory says, from its start or from where it stopped.

Starting, resuming and reproducing are the same call. It needs neither Hydra nor a command line.
"""

import errno
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from lightning import LightningModule, Trainer

from seedbed.config.build import Study, build, has_part
from seedbed.config.checks import check
from seedbed.config.machine import is_distributed, process_count
from seedbed.config.targets import check_targets
from seedbed.data.base import open_test, seal_test
from seedbed.errors import (
    DamagedError,
    LostProcessError,
    RunError,
    SeedbedError,
    TrainingError,
    out_of_memory,
)
from seedbed.lightning_private import keep_from_evaluation_batches
from seedbed.loggers import CSVLogger, rewind
from seedbed.metric_directions import is_metric
from seedbed.processes import distributed
from seedbed.processes.launch import start
from seedbed.processes.signals import INTERRUPTED, STOPPED, exit_on_signals
from seedbed.project import is_there
from seedbed.record.checkpoint import BEST, is_own, load, reopen
from seedbed.record.directory import RunDirectory, now, write_json
from seedbed.runs import provenance
from seedbed.runs.messages import conclude, introduce
from seedbed.runs.restore import restoring
from seedbed.runs.validate import check_begun, kept_weights, refuse, weights_differ
from seedbed.runs.weights import begin_with_own, load_pretrained
from seedbed.tasks.base import Task, net_of
from seedbed.terminal import log, logged_to
from seedbed.terminal.console import console

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says when there is no room for more: on the disk, in a quota, in a file."""


def execute(path: Path, *, checked: Mapping[str, Any] | None = None) -> dict[str, float]:
    """Fit, test, and record a run.

    Args:
        path: The run's directory; a checkpoint in it is where the fit goes on.
        checked: Settings that have passed `check`; the run's are checked here if they are others.

    Returns:
        The best checkpoint's metrics, as `metrics.json` has them.

    Raises:
        RunError: If the directory is no run, or in use.
        SettingError: If its configuration is wrong, as a hand-edited one may be.
        SeedbedError: If the run failed in a way that can be explained.
    """
    run = RunDirectory(path)
    config = run.config()
    if run.status().get("state") == "finished":
        check_targets(config)
        metrics = run.metrics()
        log.info(f"{run.path} has finished; {run.metrics_file.name} has its metrics.")
        return metrics
    if config != checked:
        check(config, begun=run.begun)
    if run.begun:
        check_begun(run, config)
    if is_distributed(config["trainer"]) and not distributed.is_member():
        return start(run, process_count(config["trainer"]))
    with run.claimed(), logged_to(run.log_file):
        with _recorded(run):
            distributed.broadcast(run.path)
            study, metrics = _train(run, config)
        if looks := _looks():
            looks.show(run, config, study)
    return metrics


def _looks() -> ModuleType | None:
    """The one way to `looks/`, which shows a run and can be left out; None where it was."""
    if not is_there("seedbed.looks"):
        return None
    from seedbed.looks import page

    return page


def follow() -> None:
    """Train together with the first of several processes, in each run that it executes."""
    console.quiet = True
    warnings.simplefilter("ignore")
    while path := _next_run():
        run = RunDirectory(path)
        with _failure_recorded(run):
            _train(run, run.config())


def _next_run() -> Path | None:
    """The run that the first process executes; if that one has failed before, it says why."""
    try:
        path: Path | None = distributed.broadcast()
    except RuntimeError as error:
        if not distributed.is_peer_failure(error):
            raise
        raise SystemExit(0) from None
    return path


def _train(run: RunDirectory, config: dict[str, Any]) -> tuple[Study, dict[str, float]]:
    study = build(config, run.path)
    if not isinstance(study.task, Task):
        keep_from_evaluation_batches(study.trainer, CSVLogger)
    _set_out(config, run, study)
    introduce(config, study, begun=run.begun)
    metrics = _fit_and_test(run, study, test=config.get("test") is not False)
    if study.trainer.is_global_zero:
        write_json(run.metrics_file, metrics)
        conclude(config, study, metrics)
        if looks := _looks():
            looks.conclude(run, config, study, metrics)
        log.info(f"\nrun: {run.path}")
    return study, metrics


@contextmanager
def _recorded(run: RunDirectory) -> Iterator[None]:
    """Keep `status.json` true, however the run ends.

    A run that goes on from a checkpoint is marked once all of that is compared.
    """
    before = run.status()
    try:
        with _failure_recorded(run, before):
            if not run.begun:
                run.start()
            yield
            run.set_status("finished", ended=now())
    except SystemExit:
        if run.status().get("state") in ("running", "interrupted"):
            run.set_status("interrupted", ended=now())
            log.info(f"\nInterrupted. To go on: {run.resume_command}")
        raise


@contextmanager
def _failure_recorded(run: RunDirectory, before: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Record an error; of several processes' errors the first, from which the others follow.

    Of a run that is refused and still is as it was `before`, there is nothing to record.
    """
    try:
        with exit_on_signals():  # within a fit, `Checkpoints` takes them over and saves before
            yield
    except (KeyboardInterrupt, SystemExit) as stop:
        # Lightning makes an exit with status 1 of an interrupt that is not within a fit.
        status = stop.code if isinstance(stop, SystemExit) else INTERRUPTED
        raise SystemExit(status if status in STOPPED else INTERRUPTED) from None
    except BaseException as raised:
        error = _explained(raised, run) or raised
        unforeseen = not isinstance(error, SeedbedError)
        kind = f"{type(error).__name__}: " if unforeseen else ""
        with suppress(OSError):  # the disk may be full
            recorded = run.status()
            if recorded.get("state") == "running" and (unforeseen or recorded != before):
                run.set_status("failed", ended=now(), error=f"{kind}{error}")
        if error is raised:
            raise
        raise error from raised


def _explained(error: BaseException, run: RunDirectory) -> SeedbedError | None:
    """What a user can do about an error that the machine has caused; None about any other."""
    if isinstance(error, RuntimeError) and distributed.is_peer_failure(error):
        return LostProcessError(
            "Another process of this run has ended, and this one cannot go on alone. "
            f"To go on: {run.resume_command}"
        )
    if not isinstance(error, OSError):
        return out_of_memory(error)
    place = Path(os.fsdecode(error.filename or run.path))
    if error.errno not in DISK_FULL and not place.absolute().is_relative_to(run.path):
        return None
    if not run.config_file.exists():
        return TrainingError(f"{run.path} has been removed, and the run with it.")
    return TrainingError(
        f"{place}: cannot be written ({error.strerror}). What was saved "
        f"before is whole. Make room, then go on: {run.resume_command}"
    )


def _set_out(config: dict[str, Any], run: RunDirectory, study: Study) -> None:
    """Record where the run comes from, and begin with another run's weights, if so set.

    What goes on from a checkpoint keeps its record and its weights; the record notes the start.
    """
    resumes = run.begun
    weights = None if resumes else config.get("weights")
    taken = (
        load_pretrained(Path(weights).expanduser(), study, skip=config.get("weights_skip") or ())
        if weights
        else begin_with_own(net_of(study.task), resumes=resumes)
    )
    if not study.trainer.is_global_zero:
        return
    record = provenance.collect(study, seed=config["seed"], weights=taken)
    if resumes:
        record = provenance.resumed(run.provenance(), record)
    write_json(run.provenance_file, record)


def _fit_and_test(run: RunDirectory, study: Study, *, test: bool) -> dict[str, float]:
    trainer, task, datamodule = study.trainer, study.task, study.datamodule
    seal_test(datamodule, task)
    checkpoint = distributed.broadcast(_go_on(run, trainer) if trainer.is_global_zero else None)
    if not checkpoint and has_part(datamodule, task, "val"):
        # What the initial weights are worth: the first row of every log.
        trainer.validate(task, datamodule=datamodule, verbose=False)
    if trainer.is_global_zero:  # of a fit that is made longer: they are not of what is to come
        run.metrics_file.unlink(missing_ok=True)
    with restoring(run, checkpoint, trainer) if checkpoint else nullcontext():
        trainer.fit(task, datamodule=datamodule, ckpt_path=checkpoint, weights_only=True)
    if trainer.is_global_zero and run.status().get("pid") != os.getpid():  # all was done before
        run.start()
    trainer.strategy.barrier()  # the first process writes it
    best = _best(run, task)
    task.load_state_dict(best["state_dict"], strict=task.strict_loading)
    step = best.get("steps", best["global_step"])
    metrics = {"step": float(step)} | measured(best["metrics"], task)
    if test:
        open_test(datamodule, task)
    if test and has_part(datamodule, task, "test"):
        if trainer.is_global_zero:
            run.opened_test(BEST, step, by="fit")
        trainer.test(task, datamodule=datamodule, verbose=False)
        metrics |= measured(trainer.callback_metrics, task)
        metrics |= getattr(task, "test_intervals", {})
    return metrics


def _best(run: RunDirectory, task: LightningModule) -> dict[str, Any]:
    """The best checkpoint, compared with the net unless this very process has written it."""
    best = reopen(run.best)
    if not is_own(run.best):
        weights = best["state_dict"]
        refuse(run.best, weights_differ(weights, kept_weights(task, weights)))
    return best


def measured(metrics: Mapping[str, Any], task: LightningModule) -> dict[str, float]:
    """What a task measured, by name; of a module that brings its own names, all that it logged."""
    own = isinstance(task, Task)
    return {
        name: float(metrics[name])
        for name in sorted(metrics)
        if (name.startswith(("train/", "val/", "test/")) if own else is_metric(name))
    }


def _go_on(run: RunDirectory, trainer: Trainer) -> Path | None:
    """Set the logs back to the checkpoint where the fit goes on, and say so; None if it begins."""
    checkpoint, state = saved(run)
    # Also without a checkpoint: a run killed before its first one begins its log anew.
    for logger in trainer.loggers:
        if lost := rewind(logger, state.get("steps", state.get("global_step", 0))):
            log.info(lost)
    if checkpoint:
        step = state.get("steps", state["global_step"])
        log.info(f"resuming at step {step:,}, from {checkpoint.name}")
        if state["stopped_early"]:
            log.info("where the fit had stopped early")
    return checkpoint


def saved(run: RunDirectory) -> tuple[Path | None, dict[str, Any]]:
    """Where to go on: the last checkpoint, or the best where that one is damaged, and its state.

    A damaged one is set aside, and the log says so.

    Raises:
        RunError: If there are checkpoints, and none of them can be opened.
    """
    states: dict[Path, dict[str, Any]] = {}
    damaged: dict[Path, DamagedError] = {}
    for path in (run.last, run.best):
        try:
            if path.exists():
                states[path] = load(path)
        except DamagedError as error:
            damaged[path] = error
    if damaged and not states:
        reasons = "\n".join(map(str, damaged.values()))
        raise RunError(f"{reasons}\nTo begin the run anew, remove what is damaged.")
    for path, problem in damaged.items():
        aside = path.replace(path.with_name(f"{path.name}.damaged"))
        log.info(f"{problem}\nIt is set aside as {aside.name}.")
    return next(iter(states.items()), (None, {}))
