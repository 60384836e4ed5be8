"""What a net predicts over the test part: how well each example, and of one input the curve."""

from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer
from torchmetrics import MetricCollection

from seedbed.data.rows import RowsDataModule
from seedbed.files import place_csv
from seedbed.tasks.base import Task
from seedbed.tasks.regression import RegressionTask

MOST_ROWS = 20_000
"""Examples above which a mean is known well without the single ones."""


class PredictionsFile(Callback):
    """Writes `test_rows.csv`, the figures of each test example, by which runs are compared.

    Of a regression with one input also `predictions.csv`, its input, target and prediction.

    Args:
        directory: The folder of the file.
    """

    def __init__(self, *, directory: str) -> None:
        self.file = Path(directory) / "predictions.csv"

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write both; for the curve the net is asked anew.

        What a task gathers from several processes is in another order, so they write no rows.
        """
        if isinstance(pl_module, Task) and trainer.world_size == 1:
            self._write_rows(pl_module)
        data = getattr(trainer, "datamodule", None)
        if not (isinstance(pl_module, RegressionTask) and isinstance(data, RowsDataModule)):
            return
        inputs, targets = data.splits.test  # (N, …), (N, 1)
        if inputs[0].numel() != 1 or data.embedded or not trainer.is_global_zero:
            return
        precision = trainer.precision_plugin
        with torch.no_grad(), precision.forward_context():
            given = precision.convert_input(inputs.to(pl_module.device))
            predictions = pl_module.net(given).float().cpu()
        mean, deviation = data.target_scale
        both = mean + deviation * torch.cat([targets, predictions], dim=1)
        columns = torch.cat([inputs.reshape(-1, 1), both], dim=1)
        rows = columns[inputs.flatten().argsort(stable=True)].tolist()  # (N, 3)
        place_csv(self.file, [["input", "target", "prediction"], *rows])

    def _write_rows(self, task: Task) -> None:
        metrics = task.metrics["test"]
        assert isinstance(metrics, MetricCollection)
        columns = {**task.per_example(metrics)}
        if not columns or len(next(iter(columns.values()))) > MOST_ROWS:
            return
        if "predictions" in metrics:
            columns["target"] = metrics["predictions"].compute()[1].flatten()
        table = torch.stack([*columns.values()], dim=1).tolist()
        cells = ([f"{value:.7g}" for value in row] for row in table)
        place_csv(self.file.with_name("test_rows.csv"), [[*columns], *cells])
