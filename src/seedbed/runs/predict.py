"""Predictions for rows of a CSV file or for images, from a run that learnt from such.

Nothing of the run's own data is needed: names, order and scale of the columns are in the
checkpoint. What comes out is CSV, a line for each row or image.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seedbed.data.columns import columns_of, read_rows
from seedbed.data.rows import RowsDataModule
from seedbed.data.table import scaled
from seedbed.errors import DataError, RunError
from seedbed.files import atomic_write
from seedbed.runs.load import LoadedRun
from studies.mnist.images import image_files, read_digit

CHUNK = 1024
"""Rows that go through the net at one time."""

Row = Sequence[object]


def predict(run: LoadedRun, source: Path) -> list[Row]:
    """A header, and a line for each row of a CSV file, or each image of a folder or file.

    Raises:
        RunError: If the run learnt from neither.
        DataError: Naming the row and column, or the image, that cannot be used.
    """
    datamodule = run.datamodule
    if not isinstance(datamodule, RowsDataModule):
        raise RunError(
            f"{run.directory.path}: its task is language, which predicts no rows; "
            "seedbed generate writes text."
        )
    state = datamodule.state_dict()
    if state["scale"]:
        return _of_table(run, source, state)
    if datamodule.image_box:
        size, box, centre = state["shape"][-1], datamodule.image_box, datamodule.image_centre
        files = image_files(source)
        images = [read_digit(file, size=size, box=box, centre=centre) for file in files]
        return _of_images(run, files, torch.stack(images))
    raise RunError(
        f"{run.directory.path}: the inputs of {type(datamodule).__name__} are neither columns of a "
        "table nor images of digits; seedbed.load opens the run in Python."
    )


def write_csv(rows: Iterable[Row], out: Path | None) -> None:
    """Write rows to a file, placed whole, or to standard output where None.

    Raises:
        DataError: If the file cannot be written.
    """
    if out is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
        return
    is_file = out.is_file() or not out.exists()  # no device or pipe, whose place nothing may take
    try:
        with (
            atomic_write(out.resolve()) if is_file else nullcontext(out) as place,
            place.open("w", newline="", encoding="utf-8") as file,
        ):
            csv.writer(file, lineterminator="\n").writerows(rows)
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror}).") from None


def _of_table(run: LoadedRun, source: Path, state: dict[str, Any]) -> list[Row]:
    """Every row as it was, and what is predicted of it."""
    scale = state["scale"]
    table = [*read_rows(source)]  # once: it may be a pipe
    columns = columns_of(table, source, None, [*scale])
    (_, header), *rows = table
    outputs = _outputs(run, scaled(columns, scale))  # (N, outputs)
    kind, count = run.task.kind, outputs.shape[1]
    if kind == "multiclass":
        added = _classes(outputs)
    elif (kind, count) == ("binary", 1):
        added = {
            "probability": [_shown(chance) for chance in outputs[:, 0].sigmoid().tolist()],
            "class": (outputs[:, 0] > 0).int().tolist(),
        }
    elif (kind, count) == ("regression", 1):
        mean, deviation = state["target_scale"]
        numbers = (mean + deviation * outputs[:, 0]).tolist()
        added = {"prediction": [*map(_shown, numbers)]}
    else:
        raise RunError(
            f"{run.directory.path}: what its task, {kind}, gives for a row ({count} numbers) has "
            "no name here; seedbed.load opens the run in Python."
        )
    for name in added:
        if name in header:
            raise DataError(f"{source}, row 1: a column {name!r} would be added; rename yours.")
    predicted = zip(*added.values(), strict=True)
    both = zip(rows, predicted, strict=True)
    return [[*header, *added], *([*cells, *values] for (_, cells), values in both)]


def _of_images(run: LoadedRun, files: Sequence[Path], images: Tensor) -> list[Row]:
    """Each file's name, its class, and the probability of each class."""
    added = _classes(_outputs(run, images))
    names = [file.name for file in files]
    return [["file", *added], *map(list, zip(names, *added.values(), strict=True))]


def _classes(outputs: Tensor) -> dict[str, list[object]]:
    """The likeliest class by logits (N, classes), and the probability of each, by column."""
    probabilities = outputs.softmax(dim=1)
    chances = {
        f"probability_{k}": [*map(_shown, column)]
        for k, column in enumerate(probabilities.T.tolist())
    }
    return {"class": probabilities.argmax(dim=1).tolist(), **chances}


def _outputs(run: LoadedRun, inputs: Tensor) -> Tensor:
    """What the net gives (N, outputs) for inputs (N, …)."""
    with torch.no_grad():
        return torch.cat([run.net(part) for part in torch.split(inputs, CHUNK)])


def _shown(number: float) -> str:
    """As many digits as single precision has."""
    return f"{number:.7g}"
