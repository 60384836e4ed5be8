"""A checkpoint's metrics, computed anew: on the same machine, exactly those that the run logged."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import Callback

from seedbed.config.build import construct_in, has_part
from seedbed.config.targets import resolve
from seedbed.data.base import DataModule, open_test
from seedbed.errors import DataError, RunError
from seedbed.files import refuse_links_out, writing
from seedbed.metric_directions import COUNTS, INTERVALS, interval
from seedbed.record.directory import write_json
from seedbed.runs.here import as_here, other_here, trainer_here
from seedbed.runs.load import LoadedRun, load
from seedbed.terminal import log

Split = Literal["val", "test"]


def evaluate(
    run: str | Path, *, split: Split = "val", checkpoint: str | Path = "best", by: str = "evaluate"
) -> dict[str, float]:
    """Measure a checkpoint, in the run's own precision, threads, compilation and batch size.

    Nothing is written, unless it is the first look at the test part: then the run's record has that
    it was opened, `by` what, and a finished run's has the test of its best: `metrics.json` and the
    files of its callbacks, as `test_rows.csv`.

    Where the machine lacks what the run had, the log says what differs. What several processes had
    trained is measured by one, which adds up in another order: six digits are the same.

    Raises:
        RunError: If the run cannot be used, or its data has no such part.
        DataError: If the data is gone, or is not what the run had.
    """
    loaded = load(run, checkpoint, exact=True)
    _check_data(loaded)
    _open_part(loaded, split)
    callbacks = []
    if split == "test":
        callbacks = _testing(loaded) if _is_best(loaded) and not _was_tested(loaded) else []
        _note_opening(loaded, by)
        if by == "evaluate":
            log.info(f"{loaded.checkpoint.name}, step {loaded.step:,}, test part")
    found = _measured(loaded, split, callbacks)
    metrics = {name: float(found[name]) for name in sorted(found) if name not in COUNTS}
    if not metrics:
        log.info(f"{type(loaded.task).__name__} logs no metric of its {split} part.")
    if split == "test":
        metrics |= getattr(loaded.task, "test_intervals", {})
        _keep(loaded, metrics)
    return metrics


def _open_part(loaded: LoadedRun, split: Split) -> None:
    """Let a part be used.

    Raises:
        RunError: If there is none, naming the other if there is that.
    """
    data, task = loaded.datamodule, loaded.task
    if split == "test":
        open_test(data, task)
    if not has_part(data, task, split):
        there: Split = "val" if split == "test" else "test"
        own = isinstance(data, DataModule)
        instead = f"; take --split {there}" if own or has_part(data, task, there) else ""
        step = "validation_step" if split == "val" else "test_step"
        lacks = "" if own else f", or {type(task).__name__} no {step}"
        raise RunError(f"{loaded.directory.path}: its data has no {split} part{lacks}{instead}.")


def _measured(loaded: LoadedRun, split: Split, callbacks: list[Callback]) -> Mapping[str, Any]:
    """What the task logs of a part on this machine; what is not as in the run is said."""
    recorded = loaded.directory.provenance()
    config, other = as_here(loaded.config)
    if config["compile"]:
        loaded.net.compile()
    with threads(recorded.get("threads")):
        trainer = trainer_here(config, loaded.directory, callbacks)
        had, has = recorded.get("device"), trainer.strategy.root_device.type
        if had not in (None, has):
            other.append(f"{has} instead of {had}")
        if other:
            log.info(other_here(other))
        measure = trainer.validate if split == "val" else trainer.test
        measure(loaded.task, datamodule=loaded.datamodule, verbose=False)
    return trainer.callback_metrics


def lines(metrics: Mapping[str, float]) -> list[str]:
    """Metrics as they are read, a line each, those that have one with their interval."""
    bounds = ("low/", "high/")
    return [
        *(
            f"{name:<28}{value:>10.4f}{interval(metrics, name)}"
            for name, value in metrics.items()
            if not name.startswith(bounds)
        ),
        *[INTERVALS] * any(name.startswith(bounds) for name in metrics),
    ]


def _note_opening(loaded: LoadedRun, by: str) -> None:
    """Count the first look; what was measured is known already, as the best of a tested run."""
    if not _was_tested(loaded):
        refuse_links_out(loaded.directory.path)
        with writing(loaded.directory.path):
            loaded.directory.opened_test(loaded.checkpoint.name, loaded.step, by=by)


def _was_tested(loaded: LoadedRun) -> bool:
    return any(name.startswith("test/") for name in loaded.metrics)


def _is_best(loaded: LoadedRun) -> bool:
    """Whether what is measured is what a finished run reported."""
    run = loaded.directory
    return loaded.checkpoint == run.best and run.state() == "finished"


def _testing(loaded: LoadedRun) -> list[Callback]:
    """Those of the run's callbacks that write the outcome of its test."""
    nodes = [node for node in (loaded.config.get("callbacks") or {}).values() if node]
    return [
        construct_in(loaded.directory.path, node, "callbacks")
        for node in nodes
        if resolve(node["_target_"], "callbacks").on_test_epoch_end
        is not Callback.on_test_epoch_end
    ]


def _keep(loaded: LoadedRun, metrics: dict[str, float]) -> None:
    run = loaded.directory
    if _is_best(loaded) and not any(name in loaded.metrics for name in metrics):
        write_json(run.metrics_file, run.metrics() | metrics)


def _check_data(loaded: LoadedRun) -> None:
    """Load the data and compare it with what the run had."""
    if not isinstance(loaded.datamodule, DataModule):
        return  # it says nothing of itself
    recorded = loaded.directory.provenance().get("data", {}).get("sha256")
    try:
        loaded.datamodule.setup()
    except DataError as error:
        raise DataError(
            f"{error}\nTo evaluate {loaded.directory.path} its data is needed; predict, generate "
            "and export do without."
        ) from None
    found = loaded.datamodule.facts.get("sha256")
    if recorded != found and recorded is not None:
        raise DataError(
            f"The data was changed since the run: sha256 was {recorded}, is {found}. Its metrics "
            "would be of other data."
        )


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Compute with this many threads: sums in another order differ in their last digits.

    No more than the machine has cores: a record may be another's.
    """
    before = torch.get_num_threads()
    asked = count if isinstance(count, int) and count > 0 else before
    most = max(before, os.cpu_count() or 1)
    if asked > most:
        log.info(other_here([f"{most} threads instead of {asked}"]))
    torch.set_num_threads(min(asked, most))
    try:
        yield
    finally:
        torch.set_num_threads(before)
