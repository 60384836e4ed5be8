"""Metrics as one CSV file, a row for each time something was logged; and logs that go on.

Lightning's own CSV logger deletes the file when a run is resumed; this one goes on from the step
the run resumes at. A metric that appears late adds a column, for which the file is written anew.
"""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning import Trainer
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from seedbed.files import placed


class CSVLogger(Logger):
    """Writes `metrics.csv`.

    Args:
        directory: The folder of the file.
    """

    def __init__(self, *, directory: str) -> None:
        super().__init__()
        self._file = Path(directory) / "metrics.csv"
        self._columns: list[str] = []
        if self._file.exists():
            with self._file.open(newline="", encoding="utf-8") as file:
                self._columns = next(csv.reader(file), [])

    @property
    def name(self) -> str:
        """What Lightning calls the logger."""
        return "csv"

    @property
    def version(self) -> str:
        """Nothing: a run's directory is its version."""
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> Path:
        """The file."""
        return self._file

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: `config.yaml` holds the settings."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a row."""
        row = {"step": int(step or 0), **metrics}
        new = [name for name in row if name not in self._columns]
        if new:
            self._columns += new
            self._rewrite(self._rows())
        with self._file.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns).writerow(row)

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """Drop what was logged after `step`, where the run resumes; all, where it begins anew.

        A test's row goes too: a resumed run is tested at its end.
        """
        if self._file.exists():
            self._rewrite(
                [
                    row
                    for row in self._rows()
                    if 0 < step >= int(row["step"])
                    and not any(row[name] for name in row if name.startswith("test/"))
                ]
            )

    def _rows(self) -> list[dict[str, str]]:
        if not self._file.exists():
            return []
        text = self._file.read_bytes().decode()
        whole = text[: text.rfind("\n") + 1]  # a full disk may have cut the last row short
        return list(csv.DictReader(io.StringIO(whole, newline="")))

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with (
            placed(self._file) as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(rows)


def boards(trainer: Trainer) -> Iterator[Any]:
    """TensorBoard's writer, if the run has one, for what is no number: texts and histograms."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            yield logger.experiment


def rewind(logger: Logger, step: int) -> None:
    """Have a logger go on after `step`, where a run resumes; 0 is where it begins anew."""
    if isinstance(logger, CSVLogger):
        logger.rewind(step)
    elif isinstance(logger, TensorBoardLogger):
        # TensorBoard's own mark in a new file: what older files have from this step on is hidden.
        logger._kwargs["purge_step"] = step + 1 if step else 0


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
