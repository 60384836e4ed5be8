"""Whole runs on tables and images: what they reach, and what they leave in their directory."""

import csv
from pathlib import Path

import pytest
import torch
from made import executed, rows_of

from seedbed.record.directory import RunDirectory


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A shorter run than the experiment's, at ten times its rate."""
    settings = ("experiment=marks", "optimizer.lr=0.01", "max_epochs=20")
    return executed(tmp_path_factory.mktemp("exam") / "run", *settings)


def test_training_accuracy_is_logged_beside_the_validations(exam: RunDirectory) -> None:
    rows = rows_of(exam.path / "metrics.csv", "train/loss")
    assert len(rows) == 20
    assert all(0.4 < float(row["train/accuracy"]) <= 1 for row in rows)
    assert all(0.4 < float(row["val/accuracy"]) <= 1 for row in rows)


def test_confusion_matrix_is_in_a_file_and_agrees_with_the_metrics(exam: RunDirectory) -> None:
    with (exam.path / "confusion.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["true", "predicted_0", "predicted_1"]
    (_, true_0, false_1), (_, false_0, true_1) = (map(int, row) for row in rows)
    assert true_0 + false_1 + false_0 + true_1 == 400
    assert exam.metrics()["test/accuracy"] == pytest.approx((true_0 + true_1) / 400)
    assert exam.metrics()["test/precision"] == pytest.approx(true_1 / (true_1 + false_1))


def test_confusion_matrix_is_in_the_log(exam: RunDirectory) -> None:
    assert "confusion matrix, test part" in exam.log_file.read_text()


def test_checkpoint_holds_the_scale_of_the_inputs(exam: RunDirectory) -> None:
    scale = torch.load(exam.best, weights_only=True)["Marks"]["scale"]
    assert {name: len(numbers) for name, numbers in scale.items()} == {"study": 2, "sleep": 2}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """y = 2a - b + 3 c + 4, and whether y is above its middle."""
    inputs = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    y = inputs @ torch.tensor([2.0, -1.0, 3.0]) + 4
    path = tmp_path / "my.csv"
    rows = torch.cat([inputs, y[:, None], (y > 4).float()[:, None]], dim=1).tolist()
    path.write_text("a,b,c,y,high\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


def test_linear_net_learns_a_number_from_a_table(table: Path, tmp_path: Path) -> None:
    settings = ("data=table", f"data.path={table}", "data.target=y", "data.features=[a,b,c]")
    run = executed(tmp_path / "run", *settings, "net.hidden=[]", "optimizer.lr=0.1")
    assert run.metrics()["test/loss"] < 1e-3
    assert not (run.path / "confusion.csv").exists()


def test_net_learns_two_classes_from_a_table(table: Path, tmp_path: Path) -> None:
    settings = ("experiment=marks", "data=table", f"data.path={table}", "data.target=high")
    more = ("data.features=[a,b,c]", "optimizer.lr=0.05", "max_epochs=20")
    run = executed(tmp_path / "run", *settings, *more)
    assert run.metrics()["test/accuracy"] > 0.9
