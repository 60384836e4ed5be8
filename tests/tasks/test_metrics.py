"""`task.metrics`: torchmetrics' by name, and one's own."""

from pathlib import Path
from typing import Any

import made
import pytest
import torch
import torchmetrics
from made import refusal
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import multiclass_accuracy
from torchmetrics.functional.regression import mean_absolute_percentage_error

from seedbed.config.build import construct
from seedbed.config.targets import required, resolve
from seedbed.runs.load import load
from seedbed.tasks.metrics import ExtraMetrics, direction

TINY = ["max_epochs=2", "logger=csv", "print_every=1000"]
EXAM = "experiment=marks"
DIGITS = ("experiment=glyphs",)


class Misses(Metric):
    """A metric of one's own: how many rows are off by more than `off`."""

    higher_is_better = False
    count: Tensor

    def __init__(self, *, off: float = 1.0) -> None:
        super().__init__()
        self.off = off
        self.add_state("count", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        self.count += ((predictions - targets).abs() > self.off).sum()

    def compute(self) -> Tensor:
        return self.count


def worst(predictions: Tensor, targets: Tensor) -> Tensor:
    """Another."""
    return (predictions - targets).abs().max()


def settings(*overrides: str) -> dict[str, Any]:
    return made.settings(*TINY, *overrides)


def executed(folder: Path, *overrides: str) -> dict[str, float]:
    return made.executed(folder, *TINY, *overrides).metrics()


def test_metric_by_name_is_logged_of_each_part_and_decides_the_best(tmp_path: Path) -> None:
    folder, top2 = tmp_path / "run", "{top2: {_target_: MulticlassAccuracy, top_k: 2}}"
    metrics = executed(folder, *DIGITS, f"task.metrics={top2}", "monitor=val/top2")
    run = load(folder)
    assert (run.config["mode"], run.config["callbacks"]["checkpoints"]["mode"]) == ("max", "max")
    inputs, targets = run.datamodule.splits.test
    with torch.no_grad():
        expected = multiclass_accuracy(run.net(inputs), targets, 10, top_k=2)
    assert metrics["test/top2"] == pytest.approx(expected.item(), rel=1e-6)
    assert {"train/top2", "val/top2"} <= {*metrics}


@pytest.mark.parametrize(
    ("experiment", "metrics", "names"),
    [
        ([EXAM], "[MatthewsCorrCoef,BinaryEER]", {"MatthewsCorrCoef", "BinaryEER"}),
        ([EXAM], "torchmetrics.classification.BinarySpecificity", {"BinarySpecificity"}),
        (DIGITS, "[{_target_: FBetaScore, beta: 2.0}]", {"FBetaScore"}),
    ],
)
def test_names_alone_are_metrics_too(
    experiment: list[str], metrics: str, names: set[str], tmp_path: Path
) -> None:
    found = executed(tmp_path / "run", *experiment, f"task.metrics={metrics}")
    assert {f"test/{name}" for name in names} <= {*found}


def test_metric_of_a_regression_sees_the_targets_own_unit(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("size,price\n" + "".join(f"{a},{500 + 30 * a + a % 3}\n" for a in range(30)))
    table = ("data=table", f"data.path={path}", "data.target=price")
    metrics = executed(tmp_path / "run", *table, "task.metrics=[MeanAbsolutePercentageError]")
    run = load(tmp_path / "run")
    inputs, targets = run.datamodule.splits.test
    mean, deviation = run.datamodule.target_scale
    with torch.no_grad():
        scaled = [values * deviation + mean for values in (run.net(inputs), targets)]
    expected = mean_absolute_percentage_error(*scaled).item()
    assert metrics["test/MeanAbsolutePercentageError"] == pytest.approx(expected, rel=1e-4)


def test_metric_of_ones_own_is_a_class_or_a_function(own_module: str, tmp_path: Path) -> None:
    metrics = executed(
        tmp_path / "run",
        *("data.held_out=50", f"task.metrics.misses._target_={own_module}.Misses"),
        *("task.metrics.misses.off=2.0", f"task.metrics.worst._target_={own_module}.worst"),
        *("monitor=val/worst", "mode=min"),
    )
    run = load(tmp_path / "run")
    inputs, targets = run.datamodule.splits.test
    with torch.no_grad():
        errors = (run.net(inputs) - targets).abs()
    assert metrics["test/misses"] == (errors > 2).sum()
    assert metrics["test/worst"] == pytest.approx(errors.max().item(), rel=1e-5)
    assert "whether the best val/worst is its lowest" in refusal(
        f"task.metrics.worst._target_={own_module}.worst", "monitor=val/worst"
    )


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("task.metrics=[MatthewsCorrCoeff]", "did you mean MatthewsCorrCoef"),
        ("experiment=marks task.metrics=[ROC]", "expected one number"),
        ("experiment=marks task.metrics=[ConfusionMatrix]", "got shape [2, 2]"),
        ("experiment=marks task.metrics=[BinaryFairness]", "num_groups: is required"),
        ("task.metrics=[MultilabelAccuracy]", "num_labels: is required"),
        ("task.metrics=[KLDivergence]", "metrics.KLDivergence: Expected both p and q"),
        ("task.metrics._target_=torchmetrics.MetricCollection", "expected a"),
        ("task.metrics=[torchmetrics.text.WordErrorRate]", "may not be constructed here"),
        ("task.metrics=3", "expected settings by name or null"),
        ("task.metrics.mse._target_=MeanSquaredError", "the task has mse already"),
        ("task.metrics.x._target_=MinkowskiDistance", "task.metrics.x.p: is required"),
        ("experiment=marks task.metrics.x._target_=AUROC task.metrics.x.max_fp=1", "max_fpr?"),
        (
            "experiment=marks task.metrics=[MatthewsCorrCoef] monitor=val/MatthewsCorrCoef "
            "mode=min",
            "the best val/MatthewsCorrCoef is its max",
        ),
    ],
)
def test_metric_that_cannot_be_logged_is_refused_before_the_fit(
    overrides: str, expected: str
) -> None:
    assert expected in refusal(*overrides.split(" "))


PREDICTED = {
    "binary": (torch.rand(6), torch.tensor([0, 1, 1, 0, 1, 0])),
    "multiclass": (torch.rand(6, 5).softmax(dim=1), torch.tensor([0, 1, 2, 3, 4, 1])),
    "regression": (torch.rand(6) + 1, torch.rand(6) + 1),
}
ARGUMENTS = {"beta": 2.0, "p": 2.0, "threshold": 0.5}


@pytest.mark.parametrize(
    ("kind", "least"), [("binary", 25), ("multiclass", 25), ("regression", 15)]
)
def test_direction_of_each_metric_of_torchmetrics_that_gives_one_number_is_known(
    kind: str, least: int
) -> None:
    module = torchmetrics.regression if kind == "regression" else torchmetrics.classification
    known = {}
    for name in module.__all__:
        make = resolve(name, "metric")
        wanted = {one: ARGUMENTS[one] for one in required(make) if one in ARGUMENTS}
        make = construct({"_target_": name, **wanted}, "metric")
        predictions, targets = PREDICTED[kind]
        try:
            ExtraMetrics(
                {name: make}, beside=(), task=kind, predictions=predictions, targets=targets
            )
        except ValueError:
            continue
        known[name] = direction(make, kind)
    assert [name for name in known if known[name] is None] == []
    assert len(known) >= least
