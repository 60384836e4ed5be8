"""Metrics as one CSV file, a row for each time something was logged; and logs that go on.

Lightning's own CSV logger deletes the file when a run is resumed; this one goes on from the step
the run resumes at. A metric that appears late adds a column, for which the file is written anew.
"""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning import Trainer
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only

from seedbed.files import atomic_write

HPARAMS = ".hparams"
"""How the name of TensorBoard's file of settings and final metrics ends."""

FINAL = ("val/loss", "val/accuracy", "test/loss", "test/accuracy", "test/r2")
"""The metrics that it has; TensorBoard shows no more than five columns unasked."""

FIRST_FILE = 10**6
"""The number of a process's first TensorBoard file; the next nine million have as many digits."""


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
            atomic_write(self._file) as temporary,
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
        _number_files_alike()
        # TensorBoard's own mark in a new file: what older files have from this step on is hidden.
        logger._kwargs["purge_step"] = step + 1 if step else 0


def _number_files_alike() -> None:
    """Have TensorBoard's numbers of this process's files sort as numbers do.

    It reads files in the order of their names, which are of one second where a fit is short: number
    10 would come before 9, and the mark in 9 would hide what is in 10.
    """
    from tensorboard.summary.writer import event_file_writer as files

    if files._global_uid.get() < FIRST_FILE:
        files._global_uid = files.AtomicCounter(FIRST_FILE)


def log_hyperparameters(
    trainer: Trainer, settings: Mapping[str, str | float], metrics: Mapping[str, float]
) -> None:
    """Give TensorBoard's HPARAMS tab a row: a run's settings, and final metrics as `best/…`.

    They stand in a file of their own, which takes the place of an earlier one: of several rows for
    a run TensorBoard shows the first, which would not be true any more of one that was made longer.
    Lightning's and torch's ways also write which columns there are, and those of the first run
    would be all; left to itself, TensorBoard takes every run's, those that differ first.
    """
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    for logger in trainer.loggers:
        if not (isinstance(logger, TensorBoardLogger) and trainer.is_global_zero):
            continue
        for old in Path(logger.log_dir).glob(f"*{HPARAMS}"):
            old.unlink()
        _, started, ended = hparams(dict(settings), {})  # type: ignore[no-untyped-call]
        with SummaryWriter(logger.log_dir, filename_suffix=HPARAMS) as writer:
            for summary in (started, ended):
                writer._get_file_writer().add_summary(summary)
            for name, value in metrics.items():
                if name in FINAL:
                    writer.add_scalar(f"best/{name}", value, trainer.global_step)


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
