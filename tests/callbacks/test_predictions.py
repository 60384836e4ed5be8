import csv
from pathlib import Path

import pytest
import torch
from fixed import Fixed
from lightning import Trainer
from made import executed, rows_of
from torch import nn
from torch.optim import SGD

from seedbed.callbacks.predictions import PredictionsFile
from seedbed.nets.mlp import MLP
from seedbed.optim.schedules import Constant
from seedbed.tasks.multiclass import MulticlassTask
from seedbed.tasks.regression import RegressionTask


def evaluate(folder: Path, task: type, net: nn.Module, *rows: torch.Tensor) -> dict[str, float]:
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        inference_mode=False,
        callbacks=[PredictionsFile(directory=str(folder))],
    )
    module = task(net, optimizer=lambda net: SGD(net.parameters()), scheduler=Constant)
    (figures,) = trainer.test(module, datamodule=Fixed((rows[0], rows[1])), verbose=False)
    return dict(figures)


def test_rows_are_sorted_by_input_and_give_the_tests_own_error(tmp_path: Path) -> None:
    x, y = torch.tensor([[3.0], [1.0], [2.0]]), torch.tensor([[6.5], [2.0], [4.0]])
    net = nn.Linear(1, 1)
    nn.init.constant_(net.weight, 2.0)
    nn.init.zeros_(net.bias)
    figures = evaluate(tmp_path, RegressionTask, net, x, y)
    with (tmp_path / "predictions.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["input", "target", "prediction"]
    numbers = [[*map(float, row)] for row in rows]
    assert numbers == [[1, 2, 2], [2, 4, 4], [3, 6.5, 6]]
    error = sum((target - prediction) ** 2 for _, target, prediction in numbers) / 3
    assert figures["test/loss"] == pytest.approx(error)


@pytest.mark.parametrize(
    ("precision", "dtype"),
    [("64-true", torch.float64), ("bf16-true", torch.bfloat16), ("bf16-mixed", torch.bfloat16)],
)
def test_predictions_are_made_in_the_fits_precision(
    precision: str, dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[torch.dtype] = []
    forward = MLP.forward

    def noted(net: MLP, x: torch.Tensor) -> torch.Tensor:
        given.append(forward(net, x).dtype)
        return forward(net, x)

    monkeypatch.setattr(MLP, "forward", noted)
    executed(tmp_path, "max_epochs=1", "logger=csv", f"trainer.precision={precision}")
    assert given[-1] == dtype  # the predictions are the last of all
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) > 2


def test_no_curve_is_written_of_several_inputs(tmp_path: Path) -> None:
    evaluate(tmp_path, RegressionTask, nn.Linear(2, 1), torch.randn(3, 2), torch.randn(3, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["test_rows.csv"]


def test_no_curve_is_written_of_classes(tmp_path: Path) -> None:
    targets = torch.tensor([0, 1, 2])
    evaluate(tmp_path, MulticlassTask, nn.Linear(1, 3), torch.randn(3, 1), targets)
    assert [path.name for path in tmp_path.iterdir()] == ["test_rows.csv"]


def test_each_row_of_a_test_is_kept_with_what_it_came_to(tmp_path: Path) -> None:
    x, y = torch.tensor([[3.0, 1.0], [1.0, 2.0]]), torch.tensor([[5.0], [2.0]])
    net = nn.Linear(2, 1)
    nn.init.ones_(net.weight)
    nn.init.zeros_(net.bias)
    figures = evaluate(tmp_path, RegressionTask, net, x, y)
    rows = rows_of(tmp_path / "test_rows.csv")
    assert [float(row["mse"]) for row in rows] == [1.0, 1.0]
    assert [float(row["target"]) for row in rows] == [5.0, 2.0]
    for name in ("loss", "mae", "r2"):
        mean = sum(float(row[name]) for row in rows) / 2
        assert mean == pytest.approx(figures[f"test/{name}"], rel=1e-5)
