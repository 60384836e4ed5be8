from pathlib import Path

import pytest
import torch
from lightning import Trainer
from torch import nn
from torch.optim import SGD

from seedbed.callbacks.confusion import ConfusionMatrix
from seedbed.optim.schedules import Constant
from seedbed.tasks.multiclass import MulticlassTask


def evaluate(folder: Path, classes: int) -> None:
    """A test in which each row is taken for the class after its own."""
    task = MulticlassTask(
        nn.Identity(), optimizer=lambda net: SGD(net.parameters()), scheduler=Constant
    )
    targets = torch.arange(classes)
    task.test_step((torch.eye(classes).roll(1, dims=1), targets))
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    ConfusionMatrix(directory=str(folder)).on_test_epoch_end(trainer, task)


def test_true_classes_are_rows_and_predicted_ones_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(tmp_path, 3)
    assert (tmp_path / "confusion.csv").read_text().splitlines() == [
        "true,predicted_0,predicted_1,predicted_2",
        "0,0,1,0",
        "1,0,0,1",
        "2,1,0,0",
    ]
    table = [line.split() for line in capsys.readouterr().out.splitlines()[-4:]]
    assert table == [
        ["0", "1", "2"],
        ["0", "0", "1", "0"],
        ["1", "0", "0", "1"],
        ["2", "1", "0", "0"],
    ]


def test_matrix_too_wide_for_the_terminal_is_in_the_file_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(tmp_path, 21)
    assert len((tmp_path / "confusion.csv").read_text().splitlines()) == 22
    assert "confusion" not in capsys.readouterr().out
