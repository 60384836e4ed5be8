"""What a regression with one input predicts over the test part, as points of a curve."""

from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer

from seedbed.data.rows import RowsDataModule
from seedbed.files import place_csv
from seedbed.tasks.regression import RegressionTask


class PredictionsFile(Callback):
    """Writes `predictions.csv`, a row of input, target and prediction for each row of the test.

    Args:
        directory: The folder of the file.
    """

    def __init__(self, *, directory: str) -> None:
        self.file = Path(directory) / "predictions.csv"

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ask the net anew: what a task gathers from several processes is in another order."""
        data = getattr(trainer, "datamodule", None)
        if not (isinstance(pl_module, RegressionTask) and isinstance(data, RowsDataModule)):
            return
        inputs, targets = data.splits.test  # (N, …), (N, 1)
        if inputs[0].numel() != 1 or not trainer.is_global_zero:
            return
        precision = trainer.precision_plugin
        with torch.no_grad(), precision.forward_context():
            given = precision.convert_input(inputs.to(pl_module.device))
            predictions = pl_module.net(given).float().cpu()
        mean, deviation = data.target_scale
        targets, predictions = (mean + deviation * c for c in (targets, predictions))
        columns = torch.cat([c.reshape(len(inputs), 1) for c in (inputs, targets, predictions)], 1)
        rows = columns[inputs.flatten().argsort(stable=True)].tolist()  # (N, 3)
        place_csv(self.file, [["input", "target", "prediction"], *rows])
