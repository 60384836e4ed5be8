"""Which classes a classifier takes for which others, counted over the test part."""

from pathlib import Path

from lightning import Callback, LightningModule, Trainer

from seedbed.files import place_csv
from seedbed.tasks.base import Task
from seedbed.terminal import log

WIDEST = 20
"""Classes up to which the matrix is shown; a wider one is in the file alone."""


class ConfusionMatrix(Callback):
    """Logs the confusion matrix of the test and writes `confusion.csv`, where there are classes.

    Args:
        directory: The folder of the file.
    """

    def __init__(self, *, directory: str) -> None:
        self.file = Path(directory) / "confusion.csv"

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count, before the task logs its metrics and forgets what they were computed from."""
        confusion = getattr(pl_module, "confusion", None)
        if confusion is None or not isinstance(pl_module, Task):
            return
        counts: list[list[int]] = confusion().tolist()  # gathers from all processes
        if not trainer.is_global_zero:
            return
        data = getattr(trainer, "datamodule", None)
        classes = getattr(data, "labels", []) or [*range(len(counts))]
        header = ["true", *(f"predicted_{label}" for label in classes)]
        rows = [*zip(classes, counts, strict=True)]
        place_csv(self.file, [header, *([label, *cells] for label, cells in rows)])
        if len(counts) <= WIDEST:
            log.info("\nconfusion matrix, test part: true class down, predicted class across")
            width = max(8, *(len(str(label)) + 2 for label in classes))
            for head, cells in [("", classes), *rows]:
                shown = (cell if isinstance(cell, str) else f"{cell:,}" for cell in cells)
                log.info(f"{head:>{width}}" + "".join(f"{cell:>{width}}" for cell in shown))
