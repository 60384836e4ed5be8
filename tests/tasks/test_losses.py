"""`task.loss`: by name, by a library's class, by one's own function or class."""

from pathlib import Path

import made
import pytest
import torch
from made import refusal
from torch import Tensor, nn
from torch.nn import functional as F

from seedbed.errors import SettingError
from seedbed.runs.evaluate import evaluate
from seedbed.runs.load import load
from seedbed.runs.view import open_view
from seedbed.tasks.classification import counted_weights

TINY = ["max_epochs=1", "logger=csv"]


def executed(folder: Path, *overrides: str) -> dict[str, float]:
    return made.executed(folder, *TINY, *overrides).metrics()


def outputs_of(folder: Path, part: str = "test") -> tuple[Tensor, Tensor]:
    """What a run's net gives of a part, and the targets."""
    run = load(folder)
    inputs, targets = getattr(run.datamodule.splits, part)
    with torch.no_grad():
        return run.net(inputs), targets


def cubed(predictions: Tensor, targets: Tensor, power: float = 3.0) -> Tensor:
    """A loss of one's own."""
    return ((predictions - targets).abs() ** power).mean()


class Quantile(nn.Module):
    """Another."""

    def __init__(self, *, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, predictions: Tensor, targets: Tensor) -> Tensor:
        errors = targets - predictions
        return torch.maximum(self.share * errors, (self.share - 1) * errors).mean()


def rows(predictions: Tensor, targets: Tensor) -> Tensor:
    """No loss: a number for each row."""
    return (predictions - targets).abs()


REGRESSION = {
    "task.loss=mse": F.mse_loss,
    "task.loss=l1": F.l1_loss,
    "task.loss=huber": F.huber_loss,
    "task.loss._target_=torch.nn.HuberLoss task.loss.delta=2": nn.HuberLoss(delta=2),
    "task.loss={_target_:torch.nn.SmoothL1Loss,beta:0.5}": nn.SmoothL1Loss(beta=0.5),
    "task.loss._target_=OWN.cubed": cubed,
    "task.loss._target_=OWN.cubed task.loss.power=1": F.l1_loss,
    "task.loss._target_=OWN.Quantile task.loss.share=0.9": Quantile(share=0.9),
}


@pytest.mark.parametrize("override", REGRESSION)
def test_loss_of_a_regression_is_minimised_and_logged(
    override: str, own_module: str, tmp_path: Path
) -> None:
    overrides = override.replace("OWN", own_module).split(" ")
    metrics = executed(tmp_path / "run", "data.held_out=50", *overrides)
    predictions, targets = outputs_of(tmp_path / "run")
    expected = REGRESSION[override](predictions, targets).item()
    assert metrics["test/loss"] == pytest.approx(expected, rel=1e-5)
    mse = F.mse_loss(predictions, targets).item()
    assert metrics["test/mse"] == pytest.approx(mse, rel=1e-5)
    assert metrics["test/rmse"] == pytest.approx(mse**0.5, rel=1e-5)
    assert metrics["train/loss"] != metrics["train/mse"] or override == "task.loss=mse"


@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_absolute_error_is_logged_in_the_targets_own_unit(unit: float, tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("size,price\n" + "".join(f"{a},{unit * (3 * a + a % 3)}\n" for a in range(30)))
    metrics = executed(
        tmp_path / "run", "data=table", f"data.path={path}", "data.target=price", "task.loss=l1"
    )
    assert metrics["test/loss"] == pytest.approx(metrics["test/mae"], rel=1e-6)
    assert 1 < metrics["test/loss"] / unit < 100


def test_focal_loss_counts_what_is_predicted_well_for_less(tmp_path: Path) -> None:
    for experiment in (["experiment=marks"], ["experiment=glyphs"]):
        folder = tmp_path / experiment[-1]
        metrics = executed(folder, *experiment, "task.loss=focal")
        logits, targets = outputs_of(folder)
        binary = logits.shape[1] == 1
        right = (
            torch.where(targets == 1, logits.sigmoid(), 1 - logits.sigmoid())
            if binary
            else logits.softmax(dim=1).gather(1, targets[:, None])
        )
        expected = ((1 - right) ** 2 * -right.log()).mean().item()
        assert metrics["test/loss"] == pytest.approx(expected, rel=1e-4)


# --- weights of classes ---------------------------------------------------------------------------


def test_balanced_weights_make_each_class_of_the_training_part_count_alike(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    settings = ("experiment=glyphs", "task.class_weights=balanced")
    metrics = executed(folder, *settings)
    (logits, targets), (_, trained) = outputs_of(folder), outputs_of(folder, "train")
    counts = trained.bincount(minlength=10)
    each = F.cross_entropy(logits, targets, len(trained) / (10 * counts), reduction="none")
    assert metrics["test/loss"] == pytest.approx(each.mean().item(), rel=1e-5)


@pytest.mark.parametrize("given", ["balanced", "[1.0,3.0]"])
def test_weights_of_two_classes_are_torchs_of_each_row(given: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    metrics = executed(folder, "experiment=marks", f"task.class_weights={given}")
    (logits, targets), (_, trained) = outputs_of(folder), outputs_of(folder, "train")
    positive = trained.mean()
    ratio = (1 - positive) / positive if given == "balanced" else torch.tensor(3.0)  # of the two
    weights = torch.where(targets == 1, ratio, 1) / (1 - positive + ratio * positive)
    expected = F.binary_cross_entropy_with_logits(logits, targets, weights).item()
    assert metrics["test/loss"] == pytest.approx(expected, rel=1e-5)
    assert metrics["test/loss"] == pytest.approx(evaluate(folder, split="test")["test/loss"])


def test_loss_of_the_whole_training_part_is_torchs_weighted_one(tmp_path: Path) -> None:
    folder, weights = tmp_path / "run", [1.0, *[2.0] * 8, 30.0]
    listed = "task.class_weights=[" + ",".join(map(str, weights)) + "]"
    still = ("data.batch_size=full", "optimizer.lr=0.0", "net.dropout=0")
    metrics = executed(folder, "experiment=glyphs", listed, *still)
    expected = F.cross_entropy(*outputs_of(folder, "train"), torch.tensor(weights)).item()
    assert metrics["train/loss"] == pytest.approx(expected, rel=1e-4)


def test_weights_of_other_classes_than_there_are_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="2 weights, but the data has 10 classes"):
        executed(tmp_path / "run", "experiment=glyphs", "task.class_weights=[1.0,2.0]")


@pytest.mark.parametrize("given", ["[0,0]", "[1e308,1e308]"])
def test_weights_by_which_no_row_counts_are_refused(given: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="expected numbers, and one above 0 of a class"):
        executed(tmp_path / "run", "experiment=marks", f"task.class_weights={given}")


def test_losses_of_a_run_that_is_opened_to_be_seen_have_its_weights(tmp_path: Path) -> None:
    run = tmp_path / "run"
    metrics = executed(run, "experiment=marks", "task.class_weights=[1,9]", "max_epochs=2")
    view = open_view(run)
    steps = [view.task.eval().step(batch) for batch in view.datamodule.val_dataloader()]
    loss = sum(step.loss.item() * step.count for step in steps) / sum(s.count for s in steps)
    assert loss == pytest.approx(metrics["val/loss"], rel=1e-5)


def test_weights_are_refused_where_there_are_no_rows_to_count() -> None:
    with pytest.raises(SettingError, match="class_weights: this data has no rows to count"):
        counted_weights("balanced", object())


# --- what is refused before a fit -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("task.loss=hubr", "expected mse or l1 or huber or what a `_target_` names"),
        ("task.loss._target_=torch.nn.Linear", "expected a loss, as torch.nn.L1Loss"),
        ("task.loss._target_=torch.nn.CTCLoss", "cannot be computed of predictions [3, 1]"),
        ("task.loss._target_=torch.nn.L1Loss task.loss.reduction=sum", "expected mean"),
        ("task.loss._target_=torch.nn.HuberLoss task.loss.dleta=2", "did you mean delta?"),
        ("task.loss._target_=OWN.rows", "a scalar with a gradient; got shape [3, 1]"),
        ("task.loss._target_=OWN.Quantile", "task.loss.share: is required by"),
        (
            "experiment=marks task.loss._target_=torch.nn.BCELoss",
            "expects probabilities, and a net",
        ),
        (
            "experiment=marks task.loss._target_=torch.nn.SoftMarginLoss",
            "expects targets of -1 and 1",
        ),
        (
            "experiment=glyphs task.loss._target_=torch.nn.NLLLoss",
            "NLLLoss expects log-probabilities, and a net gives logits; choose cross_entropy or",
        ),
        (
            "experiment=marks task.loss._target_=torch.nn.CrossEntropyLoss",
            "its gradient is zero for",
        ),
        ("task.loss._target_=torch.nn.KLDivLoss", "expects log-probabilities, and probabilities"),
        ("experiment=glyphs task.loss._target_=torch.nn.L1Loss", "cannot be computed"),
        (
            "experiment=glyphs task.loss=focal task.label_smoothing=0.1",
            "goes with loss=cross_entropy",
        ),
        ("experiment=glyphs task.loss=focal task.class_weights=balanced", "goes with loss=cross"),
        ("experiment=glyphs task.class_weights=[1.0,-2.0]", "expected numbers of 0 or more"),
        ("experiment=marks task.loss=focal task.class_weights=balanced", "goes with loss=bce only"),
        ("experiment=glyphs task.class_weights=even", "expected balanced or a list"),
    ],
)
def test_loss_that_cannot_be_trained_with_is_refused_before_the_fit(
    overrides: str, expected: str, own_module: str
) -> None:
    assert expected in refusal(*overrides.replace("OWN", own_module).split(" "))
