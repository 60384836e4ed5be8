"""Metrics as one CSV file, a row for each time something was logged; and logs that go on.

Lightning's own CSV logger deletes the file when a run is resumed; this one goes on from the step
the run resumes at. A metric that appears late adds a column, for which the file is written anew.
"""

import csv
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger
from lightning.pytorch.loggers.logger import DummyLogger
from lightning.pytorch.utilities import rank_zero_only

from seedbed import tensorboard
from seedbed.files import atomic_write
from seedbed.lightning_private import hide_from

BESIDE = ("batches", "layers", "classes")
"""Files of what is not a metric of a validation, by how the names begin of what is in them."""

DIGITS = 19
"""Those of the largest steps there can be."""


class CSVLogger(Logger):
    """Writes `metrics.csv`, and `batches.csv` of what is named `batches/…`, and so on.

    Args:
        directory: The folder of the files.
    """

    def __init__(self, *, directory: str) -> None:
        super().__init__()
        self._metrics = _Table(Path(directory) / "metrics.csv")
        self._beside = {name: _Table(Path(directory) / f"{name}.csv") for name in BESIDE}

    @property
    def name(self) -> str:
        """What Lightning calls the logger."""
        return "csv"

    @property
    def version(self) -> str:
        """Nothing: a run's directory is its version."""
        return ""

    @property
    def experiment(self) -> Any:
        """It ignores what a module asks of each of its loggers, as to add a picture."""
        return DummyLogger().experiment

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: `config.yaml` holds the settings."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a row."""
        place = {"step": int(step or 0)}
        kind = next(iter(metrics), "").partition("/")[0]
        if kind in self._beside:
            row = {name.removeprefix(f"{kind}/"): value for name, value in metrics.items()}
            self._beside[kind].append(place | row)
        else:
            self._metrics.append(place | metrics)

    @rank_zero_only
    def rewind(self, step: int) -> str | None:
        """Drop what was logged after `step`, where the run resumes; all, where it begins anew.

        A test's row goes too: a resumed run is tested at its end. What cannot be read is left out.

        Returns:
            What is lost of the rows before, if anything.
        """
        lost = self._metrics.rewind(step)
        for table in self._beside.values():
            if table.file.exists():  # earlier versions wrote none
                lost = lost or table.rewind(step)
        return lost


@dataclass
class _Table:
    """A CSV file of numbers with a column `step`."""

    file: Path
    """Where it is, or will be."""
    columns: list[str] = field(default_factory=list)
    """Those of its header, as far as they are known."""

    def append(self, row: dict[str, float]) -> None:
        """Add a row."""
        new = [name for name in row if name not in self.columns]
        if new or not self.file.exists():
            rows: list[dict[str, str]] = []
            if self.file.exists():
                with self.file.open(newline="", encoding="utf-8") as file:
                    reader = csv.DictReader(file)
                    self.columns, rows = [*(reader.fieldnames or ())], [*reader]
            self.columns += [name for name in new if name not in self.columns]
            self._rewrite(rows)
        with self.file.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.columns).writerow(row)

    def rewind(self, step: int) -> str | None:
        """Drop the rows after `step`, and a test's; say what is lost of those before."""
        if not self.file.exists():
            return f"{self.file} is not there: it begins anew after step {step:,}" if step else None
        columns, rows, lost = self._read()
        aside = None if columns else self.file.replace(f"{self.file}.damaged")
        self.columns = columns
        if columns:
            self._rewrite(
                [
                    row
                    for row in rows
                    if 0 < step >= int(row["step"])
                    and not any(row[name] for name in row if name.startswith("test/"))
                ]
            )
        if aside and step:
            return f"{self.file} is damaged and set aside as {aside.name}: it begins anew"
        return f"{self.file}: {lost} damaged rows are left out" if lost and step else None

    def _read(self) -> tuple[list[str], list[dict[str, str]], int]:
        """Columns, none where the header is no header; rows; and how many are not as written."""
        text = self.file.read_bytes().decode(errors="replace").replace("\0", "\ufffd")
        header, *lines = text.split("\n")[:-1] or [""]  # a full disk may have cut the last short
        columns = next(csv.reader([header]), [])
        rows = [line.rstrip("\r").split(",") for line in lines]  # numbers, with no quotes
        if "step" not in columns or len({*columns}) < len(columns) or "\ufffd" in "".join(columns):
            return [], [], 0
        good = [dict(zip(columns, row, strict=True)) for row in rows if _is_row(columns, row)]
        return columns, good, len(rows) - len(good)

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        with (
            atomic_write(self.file) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(rows)


def _is_row(columns: list[str], cells: list[str]) -> bool:
    """Whether cells are numbers, or empty, one for each column, and the step a whole one."""
    try:
        numbers = [float(cell) for cell in cells if cell]
    except ValueError:
        return False
    if not numbers or len(cells) != len(columns):
        return False
    step = cells[columns.index("step")]
    return step.isdecimal() and len(step) < DIGITS


def rewind(logger: Logger, step: int) -> str | None:
    """Have a logger go on after `step`, where a run resumes; 0 is where it begins anew.

    Returns:
        What is lost of what was logged before, if anything.
    """
    if isinstance(logger, CSVLogger):
        return logger.rewind(step)
    if isinstance(logger, TensorBoardLogger):
        last = tensorboard.latest(logger.log_dir)
        tensorboard.prepare(last + 1)
        if last:
            # TensorBoard's own mark in a new file hides what older files have from this step on.
            hide_from(logger, step + 1 if step else 0)
    return None


class MLflowLogger(MLFlowLogger):
    """Writes `mlflow.db`, or to the server that the variable MLFLOW_TRACKING_URI names.

    Lightning's default is a folder of files, which MLflow refuses since 3.13. A resumed run becomes
    a second one of the same name there.

    Args:
        directory: The folder of the file.
        experiment_name: What MLflow lists the run under.
        run_name: What it calls the run.
    """

    def __init__(
        self, *, directory: str, experiment_name: str = "Default", run_name: str | None = None
    ) -> None:
        local = f"sqlite:///{Path(directory).absolute()}/mlflow.db"
        super().__init__(
            experiment_name=experiment_name,
            run_name=run_name,
            tracking_uri=os.environ.get("MLFLOW_TRACKING_URI", local),
        )
