"""TensorBoard's HPARAMS tab: a run's settings beside its final metrics."""

from collections.abc import Mapping
from pathlib import Path

import lightning.pytorch.loggers as lightnings
from lightning import Trainer

from seedbed.lightning_private import steps_done
from seedbed.tensorboard import BEST, FINAL

HPARAMS = ".hparams"
"""How the name of TensorBoard's file of settings and final metrics ends."""


def log_hyperparameters(
    trainer: Trainer, settings: Mapping[str, str | float], metrics: Mapping[str, float]
) -> None:
    """Give TensorBoard's HPARAMS tab a row: a run's settings, and final metrics.

    They stand in a file of their own, which takes the place of an earlier one: of several rows for
    a run TensorBoard shows the first, which would not be true any more of one that was made longer.
    Lightning's and torch's ways also write which columns there are, and those of the first run
    would be all; left to itself, TensorBoard takes every run's, those that differ first.
    """
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    for logger in trainer.loggers:
        if not (isinstance(logger, lightnings.TensorBoardLogger) and trainer.is_global_zero):
            continue
        for old in Path(logger.log_dir).glob(f"*{HPARAMS}"):
            old.unlink()
        _, started, ended = hparams(dict(settings), {})  # type: ignore[no-untyped-call]
        with SummaryWriter(logger.log_dir, filename_suffix=HPARAMS) as writer:
            for summary in (started, ended):
                writer._get_file_writer().add_summary(summary)
            for name, value in metrics.items():
                if name in FINAL:
                    writer.add_scalar(f"{BEST}{name}", value, steps_done(trainer))
