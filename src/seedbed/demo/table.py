"""The page of a table: a control for each column, the prediction, and the surface it lies on.

All goes through `seedbed predict`'s own path, a CSV file of rows, so what is shown is what it says.
The surface is over two columns of numbers, with the others as the controls have them; with one
column it is a curve.
"""

import csv
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seedbed.data.columns import Column, scaled_numbers
from seedbed.demo.drawing import curve, surface
from seedbed.demo.outputs import as_bars, height, labels_of
from seedbed.errors import DataError, SeedbedError
from seedbed.runs.load import LoadedRun
from seedbed.runs.predict import predict

SIDE = 40
"""Places of the surface along each of its sides."""

POINTS = 200
"""Places of a curve."""

REACH = 2
"""Deviations from the mean that a control goes to."""

OTHER = "(another)"
"""The level of a category that the run has not learnt."""


def columns_of(run: LoadedRun) -> list[Column]:
    """The columns that the run predicts from; empty if it learnt from no table."""
    state = run.datamodule.state_dict()
    if "columns" in state:
        return [Column(**each) for each in state["columns"]]
    return scaled_numbers(state["scale"])


def build(gradio: Any, runs: Sequence[LoadedRun]) -> str:
    """Fill the page; returns what it begins with, which is nothing."""
    columns = columns_of(runs[0])
    ends = {column.name: _ends(column, runs[0], len(columns)) for column in columns}
    numbers = [column.name for column in columns if column.kind == "number"]
    shows = [_shows(run, columns, ends, numbers) for run in runs]

    def update(*values: Any) -> list[Any]:
        cells, chosen = values[: len(columns)], [*values[len(columns) :]] or numbers[:2]
        return [part for show in shows for part in show(cells, chosen)]

    with gradio.Row():
        with gradio.Column(scale=1, min_width=260):
            controls = [_control(gradio, column, ends[column.name]) for column in columns]
            if len(numbers) > 2:
                controls += [
                    gradio.Dropdown(numbers, value=name, label=f"surface: {side}")
                    for name, side in zip(numbers, ("across", "up"), strict=False)
                ]
        first = iter(update(*(control.value for control in controls)))
        outputs: list[Any] = []
        for number, run in enumerate(runs, start=1):
            with gradio.Column(scale=2, min_width=300):
                if len(runs) > 1:
                    gradio.Markdown(f"### {number}: {run.directory.path.name}")
                outputs.append(gradio.Label(next(first), label=_target(run)))
                outputs.append(gradio.HTML(next(first)))
    gradio.on(
        [control.change for control in controls],
        update,
        controls,
        outputs,
        show_progress="hidden",
        trigger_mode="always_last",
    )
    return ""


def _shows(
    run: LoadedRun,
    columns: Sequence[Column],
    ends: dict[str, tuple[float, float]],
    numbers: Sequence[str],
) -> Callable[[Sequence[Any], Sequence[str]], list[Any]]:
    """What gives the bars and the picture of a run for the controls' values."""
    names = [column.name for column in columns]
    labels = labels_of(run)
    truth = _truth(run) if len(columns) == 1 else []

    def heights(rows: list[list[Any]]) -> list[float]:
        added, found = predicted(run, names, rows)
        return [height(added, cells, labels) for cells in found]

    def show(cells: Sequence[Any], chosen: Sequence[str]) -> list[Any]:
        row = ["" if cell is None else str(cell) for cell in cells]
        try:
            added, [found] = predicted(run, names, [row])
        except DataError as error:  # as of a date that is none
            return [str(error), ""]
        bars = as_bars(run, added, found)
        if len(columns) == 1 and numbers:
            low, high = ends[names[0]]
            places = [low + (high - low) * n / (POINTS - 1) for n in range(POINTS)]
            values = heights([[place] for place in places])
            here = float(cells[0]), heights([row])[0]
            return [
                bars,
                curve(names[0], _target(run), [*zip(places, values, strict=True)], truth, here),
            ]
        if len(numbers) < 2 or chosen[0] == chosen[1]:
            return [bars, ""]
        places_of = {name: _grid(*ends[name], SIDE) for name in chosen}
        across, up = chosen
        rows = []
        for y, x in product(reversed(places_of[up]), places_of[across]):
            rows.append(
                [{across: x, up: y}.get(n, cell) for n, cell in zip(names, row, strict=True)]
            )
        marked = [float(cells[names.index(name)]) for name in chosen]
        grid = heights(rows)
        lines = [grid[start : start + SIDE] for start in range(0, len(grid), SIDE)]
        return [bars, surface(lines, [(n, ends[n]) for n in chosen], marked, labels, _target(run))]

    return show


def predicted(
    run: LoadedRun, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> tuple[list[str], list[list[str]]]:
    """The names of the columns that a prediction adds to rows, and their cells for each.

    Raises:
        DataError: Naming what in the rows cannot be used.
    """
    with TemporaryDirectory(prefix="seedbed-demo-") as folder:
        file = Path(folder) / "rows.csv"
        with file.open("w", newline="", encoding="utf-8") as opened:
            csv.writer(opened).writerows([names, *rows])
        header, *lines = predict(run, file)
    count = len(names)
    return [*map(str, header[count:])], [[*map(str, line[count:])] for line in lines]


# --- controls -----------------------------------------------------------------------------------


def _control(gradio: Any, column: Column, ends: tuple[float, float]) -> Any:
    name = column.name
    if column.kind == "number":
        low, high = ends
        step = 10.0 ** math.floor(math.log10((high - low) / 50))
        start = round(min(max(column.fill, low), high) / step) * step
        return gradio.Slider(low, high, value=float(f"{start:.10g}"), step=step, label=name)
    if column.kind == "boolean":
        return gradio.Radio(["1", "0"], value=str(int(column.fill >= 0.5)), label=name)
    if column.kind in ("category", "embedded"):
        return gradio.Dropdown([*column.levels, OTHER], value=column.levels[0], label=name)
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=column.fill)
    form = column.form.replace("%.f", "")
    return gradio.Textbox(day.strftime(form), label=f"{name} ({day.strftime(form)})")


def _ends(column: Column, run: LoadedRun, count: int) -> tuple[float, float]:
    """Where a number's control begins and ends: round numbers around what was learnt from."""
    if column.kind != "number":
        return 0.0, 1.0
    low, high = column.mean - REACH * column.deviation, column.mean + REACH * column.deviation
    if count == 1 and (seen := _truth(run)):
        low, high = min(x for x, _ in seen), max(x for x, _ in seen)
    step = 10.0 ** math.floor(math.log10((high - low) / 10))
    return float(f"{math.floor(low / step) * step:.6g}"), float(
        f"{math.ceil(high / step) * step:.6g}"
    )


def _grid(low: float, high: float, count: int) -> list[float]:
    return [low + (high - low) * (n + 0.5) / count for n in range(count)]


def _target(run: LoadedRun) -> str:
    return str(run.datamodule.state_dict().get("target") or "prediction")


def _truth(run: LoadedRun) -> list[tuple[float, float]]:
    """The validation part of one column and its target; empty where the data is gone."""
    [column] = columns_of(run)
    try:
        inputs, targets = run.datamodule.splits.val
    except (SeedbedError, OSError):
        return []
    mean, deviation = run.datamodule.target_scale
    xs = (inputs[:, 0] * column.deviation + column.mean).tolist()
    return [*zip(xs, (targets.flatten() * deviation + mean).tolist(), strict=True)]
