"""Public tables, as files of them come, trained by the shipped experiment at its defaults.

Each reaches scikit-learn's plain baseline, fitted to the same training file, on the same test file.
"""

import csv
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import executed
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris, load_wine
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

pytestmark = pytest.mark.slow

WITHIN = 0.01


def titanic(rng: np.random.Generator) -> tuple[list[str], list[list[Any]], str]:
    """Like the ship's list: words, classes, names and gaps."""
    rows: list[list[Any]] = []
    for number in range(900):
        sex, grade = rng.choice(["male", "female"], p=[0.65, 0.35]), rng.choice([1, 2, 3])
        age, port = round(min(max(rng.normal(30, 13), 1), 75)), rng.choice(["S", "C", "Q"])
        odds = 2.4 * (sex == "female") - 0.9 * (grade - 2) - 0.02 * (age - 30) - 0.9
        lives = rng.random() < 1 / (1 + np.exp(-odds))
        aged = "" if rng.random() < 0.2 else age
        rows.append([number + 1, "yes" if lives else "no", grade, f"Doe {number}", sex, aged, port])
    return ["id", "Survived", "Pclass", "Name", "Sex", "Age", "Embarked"], rows, "Survived"


def wine(rng: np.random.Generator) -> tuple[list[str], list[list[Any]], str]:
    """An acidity and so on, to predict the alcohol."""
    data = load_wine()
    names = [name.replace("_", " ") for name in data.feature_names]
    return names, data.data.tolist(), "alcohol"


def iris(rng: np.random.Generator) -> tuple[list[str], list[list[Any]], str]:
    """Three species by their names."""
    data = load_iris()
    rows = [
        [*row, data.target_names[k]] for row, k in zip(data.data.tolist(), data.target, strict=True)
    ]
    return (
        [*(name[:-5].replace(" ", "_") for name in data.feature_names), "species"],
        rows,
        "species",
    )


def flights(rng: np.random.Generator) -> tuple[list[str], list[list[Any]], str]:
    """Passengers a day, more each week, with a summer and Sundays."""
    days = [date(2022, 1, 1) + timedelta(days=day) for day in range(1000)]
    season = [0, 0, 5, 5, 10, 30, 45, 40, 15, 5, 0, 20]
    rows = [
        [day.isoformat(), round(100 + n / 10 + season[day.month - 1] - 8 * (day.weekday() == 6)
         + rng.normal(0, 4), 1)]
        for n, day in enumerate(days)
    ]  # fmt: skip
    return ["day", "passengers"], rows, "passengers"


def imbalanced(rng: np.random.Generator) -> tuple[list[str], list[list[Any]], str]:
    """One row of twenty is a fraud."""
    inputs = rng.normal(size=(2000, 4)).round(3)
    odds = inputs @ [1.5, -1, 0.5, 0] - 4
    frauds = rng.random(2000) < 1 / (1 + np.exp(-odds))
    rows = [
        [*row, "fraud" if is_one else "fair"]
        for row, is_one in zip(inputs.tolist(), frauds, strict=True)
    ]
    return ["a", "b", "c", "d", "case"], rows, "case"


Made = Callable[[np.random.Generator], tuple[list[str], list[list[Any]], str]]


@pytest.mark.parametrize(
    ("made", "task", "separator", "metric"),
    [
        (titanic, "binary", ",", "auroc"),
        (wine, "regression", ";", "r2"),
        (iris, "multiclass", ",", "accuracy"),
        (flights, "regression", "\t", "r2"),
        (imbalanced, "binary", "|", "auroc"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_table_reaches_the_plain_baseline(
    made: Made, task: str, separator: str, metric: str, tmp_path: Path
) -> None:
    header, rows, target = made(np.random.default_rng(1))
    order = np.random.default_rng(2).permutation(len(rows))
    tested = len(rows) // 4
    parts = {"test": order[:tested], "train": order[tested:]}
    for part, numbers in parts.items():
        with (tmp_path / f"{part}.csv").open("w", newline="") as file:
            writer = csv.writer(file, delimiter=separator)
            writer.writerows([header, *(rows[number] for number in numbers)])
    settings = [f"task={task}", f"data.target={target}", "logger=csv"]
    settings += [f"data.path={tmp_path}/train.csv", f"data.test_path={tmp_path}/test.csv"]
    run = executed(tmp_path / "run", "experiment=table", *settings)
    reached = run.metrics()[f"test/{metric}"]
    expected = baseline(header, rows, target, parts, metric)
    print(reached, expected)
    assert reached >= expected - WITHIN


def baseline(
    header: list[str], rows: list[list[Any]], target: str, parts: dict[str, Any], metric: str
) -> float:
    """Of a linear model on scaled numbers, filled gaps and one-hot words."""
    table = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    answers = np.array(table.pop(target))
    table = {name: cells for name, cells in table.items() if name not in ("id", "Name")}
    if "day" in table:
        days = [date.fromisoformat(day) for day in table.pop("day")]
        table |= {"time": [day.toordinal() for day in days]}
        table |= {"month": [f"m{d.month}" for d in days], "day": [f"d{d.weekday()}" for d in days]}
    cells = np.array([*table.values()], dtype=object).T
    cells[cells == ""] = np.nan
    words = [
        k
        for k, column in enumerate(table.values())
        if any(isinstance(c, str) and c for c in column)
    ]
    numbers = [k for k in range(len(table)) if k not in words]
    change = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    model = Ridge() if metric == "r2" else LogisticRegression(max_iter=1000)
    train, test = parts["train"], parts["test"]
    fitted = make_pipeline(change, model).fit(cells[train], answers[train])
    if metric == "auroc":
        return float(roc_auc_score(answers[test], fitted.predict_proba(cells[test])[:, 1]))
    score = r2_score if metric == "r2" else accuracy_score
    return float(score(answers[test], fitted.predict(cells[test])))
