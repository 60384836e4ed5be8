"""A figure is the same wherever it is shown, in each study: to the last digit that is printed."""

import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fixtures import Command
from made import executed
from sklearn import metrics as reference
from torch.nn import functional as F

from seedbed.data.parts import random_parts
from seedbed.data.rows import NewRows
from seedbed.record.directory import RunDirectory
from seedbed.report.comparison import figure
from seedbed.runs.load import load

for name in ("exam.exam", "mnist.images", "points", "poems"):
    pytest.importorskip(f"studies.{name}")  # it is of all shipped studies together
from studies.exam.exam import Exam
from studies.exam.plane import Plane
from studies.mnist.images import DigitImages

Scores = dict[str, float]

FEW = ("print_every=1000", "logger=csv")
STUDIES = {
    "line": ("experiment=line", "max_epochs=3", "data.held_out=200"),
    "plane": ("experiment=plane", "max_epochs=3"),
    "exam": ("experiment=exam", "max_epochs=3"),
    "digits": ("experiment=mnist", "data=digits", "max_epochs=2", "net.hidden=[32]"),
    "words": ("experiment=table", "task=multiclass", "max_epochs=2", "data.target=kind"),
    "numbers": ("experiment=table", "max_epochs=2", "data.target=b", "task.l2=0"),
    "verse": (
        *("experiment=poem_gpt", "data=verse", "data.poems=200", "data.context=24"),
        *("data.batch_size=4", "net.depth=1", "max_steps=20", "val_check_interval=10"),
        "callbacks.samples.length=5",
    ),
}
TABLES = {"words": 2, "numbers": 1}
"""Where the target stands in its row."""
HALVES = ("bf16-true", "bf16-mixed")

made: dict[tuple[str, str], RunDirectory] = {}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs are, and a table whose classes are words, to learn from and to test on."""
    folder = tmp_path_factory.mktemp("figures")
    draw = np.random.default_rng(0)
    for name, count in (("words", 300), ("words_test", 90)):
        x = draw.normal(size=(count, 2)).round(3)
        kinds = np.array(["oak", "élm", "=ash"])[(x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5)]
        lines = [f"{a},{b},{kind}\n" for (a, b), kind in zip(x, kinds, strict=True)]
        (folder / f"{name}.csv").write_text("a,b,kind\n" + "".join(lines), encoding="utf-8")
    made.clear()
    return folder


def run_of(folder: Path, study: str, precision: str = "32-true") -> RunDirectory:
    """The study's run, trained once."""
    if (study, precision) not in made:
        own = [f"data.path={folder}/words.csv", f"data.test_path={folder}/words_test.csv"]
        words = [*STUDIES[study], *(own if study in TABLES else []), *FEW]
        words.append(f"trainer.precision={precision}")
        made[study, precision] = executed(folder / study / precision, *words)
    return made[study, precision]


every_study = pytest.mark.parametrize("study", STUDIES)


@every_study
def test_log_evaluation_comparison_and_report_tell_what_the_run_measured(
    study: str, folder: Path, seedbed: Command, tmp_path: Path
) -> None:
    run = run_of(folder, study)
    measured = run.metrics()
    logged = run.log_file.read_text().split("best checkpoint")[1]
    logged_figures = dict(re.findall(r"(test/\S+) +(-?[\d.]+)", logged))
    parts = {part: {n: v for n, v in measured.items() if part in n.split("/")} for part in PARTS}
    assert logged_figures == printed(parts["test"])
    for part, figures in parts.items():
        called = seedbed("evaluate", run.path, "--split", part)
        assert dict(re.findall(r"^(\S+) +(-?[\d.]+)", called.out, re.MULTILINE)) == printed(figures)
        assert json.loads(seedbed("evaluate", run.path, "--split", part, "--json").out) == figures
    called = seedbed("compare", run.path, "--out", tmp_path, "--json")
    [group] = json.loads(called.out)["groups"]
    assert {name: each["mean"] for name, each in group["metrics"].items()} == measured
    with (tmp_path / "results.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert {name: float(row[name]) for name in measured if name != "step"} == {
        name: value for name, value in measured.items() if name != "step"
    }
    table = seedbed("compare", run.path, "--out", tmp_path).out
    page = (tmp_path / "report.html").read_text()
    for name in ("val/loss", "test/loss"):
        assert figure(measured[name]) in table
        assert figure(measured[name]) in page


PARTS = ("val", "test")


def printed(figures: Scores) -> dict[str, str]:
    return {n: f"{value:.4f}" for n, value in figures.items() if n.startswith(PARTS)}


# --- predictions, scored by scikit-learn ----------------------------------------------------------


def rows_tested(run: RunDirectory, study: str, folder: Path) -> tuple[Path, list[str]]:
    """The test part as a file to predict from, and its targets as they stand there."""
    if study in TABLES:
        lines = (folder / "words_test.csv").read_text(encoding="utf-8").splitlines()
        return folder / "words_test.csv", [line.split(",")[TABLES[study]] for line in lines[1:]]
    if study in ("exam", "plane"):
        shipped = (Exam if study == "exam" else Plane).file.read_text().splitlines()
        split = {"validation": 0.1, "test": 0.2, "seed": run.config()["data"]["split_seed"]}
        rows = random_parts(len(shipped) - 1, source="", **split)[2]
        kept = [shipped[0], *(shipped[1 + row] for row in rows.tolist())]
        (folder / "rows.csv").write_text("\n".join(kept))
        return folder / "rows.csv", [line.rpartition(",")[2] for line in kept[1:]]
    inputs, targets = load(run.path).datamodule.splits.test
    if study == "line":
        points = [repr(x) for x in inputs.flatten().tolist()]
        (folder / "rows.csv").write_text("\n".join(["x", *points]))
    return folder / "rows.csv", [*map(str, targets.flatten().tolist())]


def scored(rows: list[dict[str, str]], targets: list[str]) -> Scores:
    """Predictions as they were written, measured by scikit-learn in double precision."""
    if "prediction" in rows[0]:
        y, given = np.array(targets, float), np.array([row["prediction"] for row in rows], float)
        mse = reference.mean_squared_error(y, given)
        return {
            "loss": mse,
            "mse": mse,
            "rmse": math.sqrt(mse),
            "mae": reference.mean_absolute_error(y, given),
            "r2": reference.r2_score(y, given),
        }
    named = [name for name in rows[0] if name.startswith("probability")]
    chances = np.array([[row[name] for name in named] for row in rows], float)  # (N, 1) or (N, K)
    found = [row["class"].removeprefix("'") for row in rows]
    several = len(named) > 1
    labels = [name.removeprefix("probability_") for name in named] if several else ["0", "1"]
    chances = chances / chances.sum(axis=1, keepdims=True) if several else chances
    both = chances if several else np.hstack([1 - chances, chances])
    hot = np.array([[target == label for label in labels] for target in targets], float)
    scores, wanted = (both, hot) if several else (both[:, 1], hot[:, 1])
    mean: Any = {"average": "macro"} if several else {"pos_label": "1"}
    return {
        "loss": -float(np.log((both * hot).sum(axis=1)).mean()),
        "accuracy": reference.accuracy_score(targets, found),
        "precision": reference.precision_score(targets, found, zero_division=0, **mean),
        "recall": reference.recall_score(targets, found, zero_division=0, **mean),
        "f1": reference.f1_score(targets, found, zero_division=0, **mean),
        "auroc": reference.roc_auc_score(wanted, scores, average="macro"),
        "average_precision": reference.average_precision_score(wanted, scores, average="macro"),
        "brier": float(((both - hot) ** 2).sum(axis=1).mean()) / (1 if several else 2),
    }


@pytest.mark.parametrize("precision", ["32-true", *HALVES])
@pytest.mark.parametrize("study", [study for study in STUDIES if study != "verse"])
def test_predictions_scored_by_scikit_learn_are_what_the_run_measured(
    study: str, precision: str, folder: Path, seedbed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(folder, study, precision)
    source, targets = rows_tested(run, study, folder)
    if study == "digits":  # of a drawing it would make its own pixels
        inputs = load(run.path).datamodule.splits.test[0]
        cells = [[str(number)] for number in range(len(inputs))]
        monkeypatch.setattr(DigitImages, "read_inputs", lambda *_: NewRows(["file"], cells, inputs))
    called = seedbed("predict", run.path, source)
    assert called.status == 0, called.err
    scores = scored([*csv.DictReader(io.StringIO(called.out))], targets)
    measured = run.metrics()
    assert {name: f"{score:.4f}" for name, score in scores.items()} == {
        name: f"{measured[f'test/{name}']:.4f}" for name in scores
    }


def test_likelihoods_of_a_language_model_are_what_the_run_measured(folder: Path) -> None:
    run = load(run_of(folder, "verse").path)
    run.datamodule.setup()
    losses, hits = [], []
    with torch.no_grad():
        for inputs, targets in run.datamodule.test_dataloader():
            logits = run.net(inputs)[targets >= 0]
            losses.append(F.cross_entropy(logits, targets[targets >= 0], reduction="none"))
            hits.append(logits.argmax(dim=1) == targets[targets >= 0])
    loss = float(torch.cat(losses).double().mean())
    scores = {"loss": loss, "perplexity": math.exp(loss), "bits_per_character": loss / math.log(2)}
    scores["accuracy"] = float(torch.cat(hits).double().mean())
    measured = run.directory.metrics()
    assert {name: f"{score:.4f}" for name, score in scores.items()} == {
        name: f"{measured[f'test/{name}']:.4f}" for name in scores
    }


@pytest.mark.parametrize("study", ["exam", "line", "verse"])
@pytest.mark.parametrize("precision", [*HALVES, "64-true"])
def test_figures_have_more_digits_than_half_precision_and_are_measured_so_again(
    study: str, precision: str, folder: Path, seedbed: Command
) -> None:
    run = run_of(folder, study, precision)
    measured = run.metrics()
    for name in ("train/loss", "val/loss", "test/loss"):
        assert float(torch.tensor(measured[name]).bfloat16()) != measured[name]
    for part in PARTS:
        called = seedbed("evaluate", run.path, "--split", part, "--json")
        figures = {n: value for n, value in measured.items() if part in n.split("/")}
        assert json.loads(called.out) == figures
