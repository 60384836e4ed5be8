"""Predictions for new inputs, from a run that learnt from rows; and for a fold's own.

Nothing of the run's own data is needed: what must be known of it is in the checkpoint. The
DataModule reads the inputs, and the task says what the outputs mean, a line for each row.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor

from seedbed.data.rows import RowsDataModule
from seedbed.errors import DataError, RunError
from seedbed.files import atomic_write
from seedbed.files import write_csv as write_rows
from seedbed.lightning_private import make_predictable
from seedbed.runs.here import as_here, on_processor, trainer_here
from seedbed.runs.load import LoadedRun, load
from seedbed.tasks.base import Task
from seedbed.terminal import printable

CHUNK = 1024
"""Rows that go through the net at one time."""

Row = Sequence[object]


def predict(run: LoadedRun, source: Path | None) -> list[Row]:
    """A header, and a line for each row of a file, or each image of a folder or file.

    Args:
        run: The run.
        source: The file or folder; None asks a module that brings its own training for what its
            `predict_step` gives on its DataModule's `predict_dataloader`.

    Raises:
        RunError: If the run learnt from no rows.
        DataError: Naming what in the source cannot be used.
    """
    if not isinstance(run.task, Task):
        return _of_predict_step(run, source)
    if source is None:
        raise RunError("INPUT: expected a file or folder to predict from.")
    if not isinstance(run.datamodule, RowsDataModule):
        raise RunError(
            f"{run.directory.path}: its task is {run.task.kind}, which predicts no rows; "
            "seedbed generate writes text."
        )
    rows = run.datamodule.read_inputs(source)
    outputs = _outputs(run, rows.inputs)  # (N, outputs)
    added = run.task.describe_outputs(outputs, run.datamodule)
    for name in added:
        if name in rows.header:
            raise DataError(f"{source}, row 1: a column {name!r} would be added; rename yours.")
    shown = zip(*([*map(_shown, column)] for column in added.values()), strict=True)
    both = zip(rows.cells, shown, strict=True)
    return [[*rows.header, *added], *([*cells, *values] for cells, values in both)]


def out_of_fold(runs: Iterable[Path]) -> list[Row]:
    """A header, and a line for each row that a fold left out, by its number in the data, from 0.

    Args:
        runs: Of folds; others say nothing.
    """
    header: list[str] = []
    lines: list[Row] = []
    for path in runs:
        run = load(path, exact=True)
        data = run.datamodule
        if not (isinstance(data, RowsDataModule) and isinstance(run.task, Task)):
            continue
        targets = data.splits.val[1]  # (N, …)
        batches = (data.on_after_batch_transfer(b, 0)[0] for b in data.validation_batches())
        outputs = _outputs(run, torch.cat([*batches]))  # (N, outputs)
        assert data.validation_rows is not None
        mean, deviation = data.target_scale
        truth = [
            data.labels[int(y)] if data.labels else mean + deviation * y
            for y in targets.flatten().tolist()
        ]
        added = run.task.describe_outputs(outputs, data)
        header = ["row", "fold", "seed", "target", *added]
        columns = ([*map(_shown, column)] for column in (truth, *added.values()))
        rows = zip(data.validation_rows.tolist(), *columns, strict=True)
        lines += [[row, data.fold, run.config["seed"], *cells] for row, *cells in rows]
    return [header, *sorted(lines, key=lambda line: (line[2], line[0]))] if lines else []


def _of_predict_step(run: LoadedRun, source: Path | None) -> list[Row]:
    """What a module's own `predict_step` gives, a line for each row of it."""
    name = type(run.task).__name__
    if source is not None:
        raise RunError(
            f"{source}: {name} predicts what its DataModule gives as predict_dataloader; leave "
            "INPUT out."
        )
    config, _ = as_here(run.config)
    whole = {"fast_dev_run": False, "limit_predict_batches": None}
    trainer = trainer_here(config | {"trainer": config["trainer"] | whole}, run.directory)
    make_predictable(run.datamodule, run.task)
    try:
        batches = trainer.predict(run.task, datamodule=run.datamodule)
    except MisconfigurationException as error:
        raise RunError(f"{name} cannot predict: {error}") from None
    given: Any = batches or []
    if len(trainer.num_predict_batches) > 1:  # of several loaders
        given = chain(*given)
    parts = [dict(_columns(part)) for part in given]
    header = [*(parts[0] if parts else ())]
    if not header or any([*part] != header for part in parts):
        raise RunError(
            f"{name}: expected tensors or lists, by names or not, from its predict_step, the same "
            "for each batch; seedbed.load opens the run."
        )
    return [header, *(row for part in parts for row in _rows(part, name))]


def _columns(part: Any, name: str = "output") -> Iterator[tuple[str, list[Any]]]:
    """What a batch's prediction holds, by the names of its columns."""
    if isinstance(part, Tensor):
        columns = part.reshape(len(part) if part.ndim else 1, -1).T.tolist()
        named = len(columns) == 1 and name != "output"
        for number, column in enumerate(columns):
            yield name if named else f"{name}_{number}", column
    elif isinstance(part, Mapping):
        for key, one in part.items():
            yield from _columns(one, str(key) if name == "output" else f"{name}_{key}")
    elif isinstance(part, str | int | float):
        yield name, [part]
    elif isinstance(part, list) and all(isinstance(one, str | int | float) for one in part):
        yield name, part
    elif isinstance(part, list | tuple):
        for number, one in enumerate(part):
            yield from _columns(one, f"{name}_{number}")


def _rows(columns: Mapping[str, list[Any]], name: str) -> Iterator[Row]:
    """The rows of a batch; what it has one of, as its loss, stands in each."""
    count = max(map(len, columns.values()))
    if lengths := {len(column) for column in columns.values()} - {1, count}:
        raise RunError(
            f"{name}: its predict_step gives {count} of one thing, {lengths.pop()} of another."
        )
    filled = (column * count if len(column) < count else column for column in columns.values())
    for row in zip(*filled, strict=True):
        yield [*map(_shown, row)]


def write_csv(rows: Iterable[Row], out: Path | None) -> None:
    """Write rows to a file, placed whole, or to standard output where None.

    Raises:
        DataError: If the file cannot be written.
    """
    if out is None:
        seen = sys.stdout.isatty()
        shown = ([printable(str(cell)) for cell in row] if seen else row for row in rows)
        write_rows(sys.stdout, shown)
        return
    is_file = out.is_file() or not out.exists()  # no device or pipe, whose place nothing may take
    try:
        with (
            atomic_write(out.resolve()) if is_file else nullcontext(out) as place,
            place.open("w", newline="", encoding="utf-8") as file,
        ):
            write_rows(file, rows)
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror}).") from None


def _outputs(run: LoadedRun, inputs: Tensor) -> Tensor:
    """What the net gives (N, outputs) for inputs (N, …), in the precision that it was tested in."""
    precision = trainer_here(on_processor(run.config), run.directory).precision_plugin
    task = precision.convert_module(run.task)
    assert isinstance(task, Task)
    with torch.no_grad(), precision.forward_context():
        parts = [task.outputs(precision.convert_input(part)) for part in torch.split(inputs, CHUNK)]
    return torch.cat(parts)


def _shown(value: object) -> object:
    """A value as it is written: of a number as many digits as single precision has."""
    return f"{value:.7g}" if isinstance(value, float) else value
