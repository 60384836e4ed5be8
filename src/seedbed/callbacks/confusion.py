"""Which classes a classifier takes for which others, counted over the test part."""

from pathlib import Path

from lightning import Callback, LightningModule, Trainer

from seedbed.files import place_csv
from seedbed.tasks.binary import BinaryTask
from seedbed.tasks.multiclass import MulticlassTask
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
        if not isinstance(pl_module, BinaryTask | MulticlassTask):
            return
        counts: list[list[int]] = pl_module.confusion().tolist()  # gathers from all processes
        if not trainer.is_global_zero:
            return
        classes = range(len(counts))
        header = ["true", *(f"predicted_{k}" for k in classes)]
        place_csv(self.file, [header, *([k, *counts[k]] for k in classes)])
        if len(counts) <= WIDEST:
            log.info("\nconfusion matrix, test part: true class down, predicted class across")
            for head, cells in [("", classes), *enumerate(counts)]:
                log.info(f"{head:>8}" + "".join(f"{cell:>8,}" for cell in cells))
