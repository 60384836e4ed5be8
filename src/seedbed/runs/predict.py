"""Predictions for new inputs, from a run that learnt from rows; and for a fold's own.

Nothing of the run's own data is needed: what must be known of it is in the checkpoint. The
DataModule reads the inputs, and the task says what the outputs mean, a line for each row.
"""

import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path

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
    parts = [part for part in batches or [] if isinstance(part, Tensor)]
    if not parts:
        raise RunError(f"{name}: expected tensors from its predict_step; seedbed.load opens it.")
    outputs = torch.cat(
        [part.reshape(len(part), -1) if part.ndim else part[None, None] for part in parts]
    )
    header = [f"output_{number}" for number in range(outputs.shape[1])]
    return [header, *([*map(_shown, row)] for row in outputs.tolist())]


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
