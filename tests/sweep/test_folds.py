"""Folds: a sweep of a run each, whose figures are those of scikit-learn's cross-validation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import rows_of
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score

from seedbed.config.compose import composed, plain
from seedbed.config.overrides import is_multirun, readable
from seedbed.data.table import Table
from seedbed.record.run import find_runs
from seedbed.report.comparison import Comparison, compare
from seedbed.report.tables import remarks
from seedbed.report.verdicts import verdicts
from seedbed.sweep import run as module
from seedbed.sweep.plan import Plan

FOLDS = 5
SETTINGS = (
    *("experiment=table", "data.target=y", "net=linear", "task.l2=0", "optimizer=sgd"),
    *("optimizer.lr=0.3", "data.batch_size=full", "max_epochs=60", "check_val_every_n_epoch=60"),
    *("logger=csv", f"data.folds={FOLDS}"),
)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=(70, 2))
    y = x @ [3.0, -1.0] + random.normal(size=70)
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_text("a,b,y\n" + "".join(f"{a},{b},{c}\n" for (a, b), c in zip(x, y, strict=True)))
    return path


@pytest.fixture(scope="module")
def swept(
    table: Path, plan_of: Callable[..., Plan], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("folds") / "sweep"
    settings = [*SETTINGS, f"data.path={table}"]
    module.run(plan_of(*settings), folder, composed_of, command=settings)
    return folder


def composed_of(overrides: Any) -> Any:
    return composed([*overrides])


@pytest.fixture(scope="module")
def rows(table: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The numbers of the rows that are not for test, and their columns, by hand."""
    data = np.genfromtxt(table, delimiter=",", skip_header=1)
    usual = Table(path=str(table), target="y", scale_target=False).splits
    tested = np.isin(np.float32(data[:, 2]), usual.test[1].numpy())
    [numbers] = np.nonzero(~tested)
    return numbers, data[numbers, :2], data[numbers, 2]


def test_folds_are_five_runs_whose_mean_and_deviation_are_scikit_learns(
    swept: Path, rows: tuple[np.ndarray, ...]
) -> None:
    _, x, y = rows
    folds = KFold(FOLDS, shuffle=True, random_state=42)
    errors = -cross_val_score(LinearRegression(), x, y, cv=folds, scoring="neg_mean_squared_error")
    [group] = compare(find_runs([swept])).groups
    summary = group.summary("val/loss")
    assert summary is not None
    assert summary.count == FOLDS
    assert summary.mean == pytest.approx(errors.mean(), rel=1e-4)
    assert summary.deviation == pytest.approx(errors.std(ddof=1), rel=1e-3)


def test_out_of_fold_predictions_are_scikit_learns(
    swept: Path, rows: tuple[np.ndarray, ...]
) -> None:
    numbers, x, y = rows
    folds = KFold(FOLDS, shuffle=True, random_state=42)
    found = rows_of(swept / "out_of_fold.csv")
    assert [int(row["row"]) for row in found] == numbers.tolist()
    assert [float(row["target"]) for row in found] == pytest.approx(y.tolist(), rel=1e-5)
    expected = cross_val_predict(LinearRegression(), x, y, cv=folds)
    predictions = [float(row["prediction"]) for row in found]
    assert predictions == pytest.approx(expected.tolist(), abs=1e-3)


def test_test_part_stays_sealed_and_the_best_trains_on_the_usual_parts(swept: Path) -> None:
    found = compare(find_runs([swept]))
    assert "Test part opened 0 times, for 0 of 1 settings." in remarks(found)
    best = [f"hydra.searchpath=[{swept}]", "experiment=best"]
    assert plain(composed(best))["data"] | {"path": ""} == plain(
        composed([*SETTINGS[:-1], "data.path=x"])
    )["data"] | {"path": ""}


@pytest.mark.parametrize(
    ("words", "many"),
    [
        (["data.folds=5"], True),
        (["data.folds=null"], False),
        (["data.folds=5", "data.fold=1"], False),
    ],
)
def test_folds_alone_make_a_sweep(words: list[str], many: bool) -> None:
    assert is_multirun(readable(["experiment=table", *words])) == many


@pytest.fixture
def folded(make_run: Callable[..., Path], tmp_path: Path) -> Comparison:
    """Two settings on 5 folds, that differ by 0.9 to 1.1."""
    for rate, by in ((0.1, 0.0), (0.2, 1.0)):
        for fold, loss in enumerate([1.0, 2.0, 3.0, 2.0, 1.0]):
            folder = make_run(f"{rate}-{fold}", [loss + by * (0.9 + fold / 20)],
                              optimizer={"lr": rate})  # fmt: skip
            config = (folder / "config.yaml").read_text()
            data = f"data:\n  folds: 5\n  fold: {fold}\n"
            (folder / "config.yaml").write_text(config.replace("data:\n", data))
    return compare(find_runs([tmp_path]))


def test_interval_over_folds_is_that_of_nadeau_and_bengio(folded: Comparison) -> None:
    """By hand: deviation 0.0791, times √(1/5 + 1/4) and t of 4 degrees 2.776: 0.147."""
    best, other = folded.standing
    assert folded.difference(other, best).half == pytest.approx(0.1473, abs=1e-4)
    first, method = verdicts(folded)
    assert first == "lr=0.1 is better than lr=0.2 by 0.85 to 1.1 (5 folds)"
    assert "paired by fold, for rows that folds share corrected as by Nadeau and Bengio" in method
