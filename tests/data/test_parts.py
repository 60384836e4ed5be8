"""Which rows go to which part, and what is predicted, seen through the DataModule of a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seedbed.data.table import Table
from seedbed.errors import DataError, SettingError

New = Callable[..., Table]

ROWS = 60


@pytest.fixture
def new(tmp_path: Path) -> New:
    """Makes the data module of a file with these columns, of which `y` is the target."""

    def table(_settings: dict[str, Any], **columns: list[Any]) -> Table:
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        (path := tmp_path / "my.csv").write_text("\n".join(lines))
        return Table(path=str(path), **({"target": "y"} | _settings))

    return table


def parts(table: Table) -> list[torch.Tensor]:
    """The targets of training, validation and test."""
    splits = table.splits
    return [targets.flatten() for _, targets in (splits.train, splits.val, splits.test)]


NUMBERED = {"scale_target": False}
"""Of a target that numbers the rows, so that it tells them apart."""

CLASSES: dict[str, Any] = {"kind": "multiclass", "stratify": None}


def test_every_part_has_its_share_of_each_class(new: New) -> None:
    labels = ["a"] * 30 + ["b"] * 20 + ["c"] * 10
    found = [part.bincount().tolist() for part in parts(new(CLASSES, x=[*range(ROWS)], y=labels))]
    assert found == [[21, 14, 7], [3, 2, 1], [6, 4, 2]]


def test_class_of_a_row_or_two_is_trained_on(new: New) -> None:
    labels = ["a"] * 29 + ["b"] * 29 + ["c"] * 2
    train, *others = parts(new(CLASSES, x=[*range(ROWS)], y=labels))
    assert train.bincount()[2] == 2
    assert all(2 not in part for part in others)


def test_group_is_in_one_part_and_no_feature(new: New) -> None:
    table = new({"group": "g", **NUMBERED}, g=[f"g{row // 3}" for row in range(ROWS)],
                x=[*range(ROWS)], y=[*range(ROWS)])  # fmt: skip
    groups = [{int(row) // 3 for row in part} for part in parts(table)]
    assert sum(map(len, groups)) == ROWS / 3
    assert [len(part) for part in parts(table)] == [42, 6, 12]
    assert table.sizes["inputs"] == 1


@pytest.mark.parametrize(
    "time", [[*range(ROWS)], [f"2026-01-{n % 30 + 1:02}" for n in range(ROWS)]]
)
def test_past_trains_and_future_tests(time: list[Any], new: New) -> None:
    table = new({"time": "t", **NUMBERED}, t=time, y=[*range(ROWS)])
    train, val, test = ({time[int(row)] for row in part} for part in parts(table))
    assert max(train) < min(val) <= max(val) < min(test)


def test_another_file_is_the_test_part(new: New, tmp_path: Path) -> None:
    (other := tmp_path / "other.csv").write_text("y,x\n100,5\n101,6\n")
    table = new({"test_path": str(other), **NUMBERED}, x=[*range(ROWS)], y=[*range(ROWS)])
    train, val, test = parts(table)
    assert (len(train), len(val), test.tolist()) == (54, 6, [100, 101])
    assert table.facts["test"] == 2


@pytest.mark.parametrize(
    "settings",
    [
        {"group": "g", "time": "t"},
        {"stratify": True},
        {"drop": ["y"]},
        {"separator": ";;"},
        {"levels": 0},
    ],
    ids=str,
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|target"):
        Table(path="none.csv", target="y", **settings)


# --- targets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "labels"),
    [
        ([0, 1], ["0", "1"]),
        ([2.0, 10], ["2", "10"]),
        (["Yes", "No"], ["No", "Yes"]),
        (["sick", "fine"], ["fine", "sick"]),
        ([True, False], ["False", "True"]),
    ],
)
def test_two_classes_have_any_labels(found: list[Any], labels: list[str], new: New) -> None:
    table = new({"kind": "binary"}, x=[*range(ROWS)], y=found * (ROWS // 2))
    assert table.labels == labels
    assert {*torch.cat(parts(table)).tolist()} == {0.0, 1.0}
    assert table.sizes["outputs"] == 1


def test_many_classes_have_any_labels(new: New) -> None:
    table = new({"kind": "multiclass"}, x=[*range(ROWS)], y=[10, 9, 100] * (ROWS // 3))
    assert (table.labels, table.sizes["outputs"]) == (["9", "10", "100"], 3)
    assert table.splits.train[1].dtype == torch.int64


@pytest.mark.parametrize(
    ("kind", "labels", "message"),
    [
        ("binary", ["a", "b", "c"], "row 4, column 'y': expected one of two classes, a and b, got"),
        ("binary", ["a", "a", "a"], "column 'y': expected two classes, and all 60 rows have a"),
        ("multiclass", ["a"] * 3, "column 'y': expected two classes or more, and all 60 rows"),
        ("binary", ["a", "b", ""], "row 4, column 'y': expected a class, got ''"),
        ("regression", ["1", "2", "x"], "row 4, column 'y': expected a finite number, got 'x'"),
        ("regression", ["1", "2", ""], "row 4, column 'y': expected a finite number, got ''"),
    ],
)
def test_target_of_another_kind_is_named(
    kind: str, labels: list[str], message: str, new: New
) -> None:
    with pytest.raises(DataError, match=message):
        new({"kind": kind}, x=[*range(ROWS)], y=labels * (ROWS // 3)).setup()


def test_number_of_each_row_is_no_class(new: New) -> None:
    with pytest.raises(DataError, match=r"60 rows have 60 labels. To predict a number, task=regr"):
        new({"kind": "multiclass"}, x=[*range(ROWS)], y=[*range(ROWS)]).setup()


def test_state_without_a_label_a_class_is_refused(new: New) -> None:
    state = new({"kind": "multiclass"}, x=[*range(ROWS)], y=["a", "b", "c"] * 20).state_dict()
    with pytest.raises(ValueError, match="expected a label a class"):
        Table(path="none", target="y", kind="multiclass").load_state_dict(state | {"labels": ["a"]})


# --- what is said ---------------------------------------------------------------------------------


def test_columns_that_are_used_are_reported(new: New) -> None:
    columns: dict[str, list[Any]] = {
        "a": [1.5 * (row % 7) for row in range(ROWS)],
        "b": ["red", "blue"] * 30,
        "c": [f"2026-01-{row % 9 + 1:02}" for row in range(ROWS)],
        "y": [row % 11 for row in range(ROWS)],
    }
    columns["a"][4:10] = [""] * 6
    table = new({}, **columns)
    table.setup()
    assert [*table.remarks] == [
        "read as: ',' between cells, '.' in numbers",
        "3 columns: 1 number, 1 category, 1 date; 3 % of cells missing; target y",
    ]


@pytest.mark.parametrize("name", ["", "id"])
def test_row_number_is_warned_of(name: str, new: New) -> None:
    table = new({}, **{name: [*range(ROWS)]}, x=[row % 7 for row in range(ROWS)], y=[1, 5, 2] * 20)
    table.setup()
    [warning] = [remark for remark in table.remarks if "warning" in remark]
    assert warning == (
        f"warning: column {name!r} looks like a row number; to leave it out, "
        f"'data.drop=[\"{name}\"]'"
    )
    dropped = Table(path=str(table.path), target="y", drop=[name])
    assert dropped.sizes["inputs"] == 1


@pytest.mark.parametrize(
    ("kind", "x", "y"),
    [
        (
            "regression",
            [2.0 * (row * 7 % 13) for row in range(ROWS)],
            [row * 7 % 13 for row in range(ROWS)],
        ),
        ("regression", ["a", "b", "c"] * 20, [1, 5, 2] * 20),
        ("binary", [3, 9] * 30, ["no", "yes"] * 30),
        ("multiclass", ["a", "b", "c"] * 20, ["x", "y", "z"] * 20),
    ],
    ids=["a number of a number", "words of a number", "a number of classes", "words of classes"],
)
def test_column_that_gives_the_answer_away_is_warned_of(
    kind: str, x: list[Any], y: list[Any], new: New
) -> None:
    unrelated = [row * row % 17 for row in range(ROWS)]
    table = new({"kind": kind}, x=x, other=unrelated, y=y)
    table.setup()
    [warning] = [remark for remark in table.remarks if "warning" in remark]
    assert warning.startswith("warning: column 'x' by itself nearly determines the target")


def test_few_values_that_tell_nothing_of_the_classes_are_not_warned_of(new: New) -> None:
    rows = range(400)
    columns = {"x": [row // 2 % 2 for row in rows], "y": [row % 2 for row in rows]}
    table = new({"kind": "binary", "stratify": None}, **columns)
    table.setup()
    assert not [remark for remark in table.remarks if "warning" in remark]


# --- folds ----------------------------------------------------------------------------------------


def folds(new: New, count: int, settings: dict[str, Any], **columns: list[Any]) -> list[Table]:
    return [new({**settings, "folds": count, "fold": fold}, **columns) for fold in range(count)]


@pytest.mark.parametrize("settings", [{}, {"group": "g"}], ids=["rows", "groups"])
def test_folds_validate_each_row_that_is_not_for_test_once(
    settings: dict[str, Any], new: New
) -> None:
    columns = {"g": [f"g{row // 3}" for row in range(ROWS)], "x": [*range(ROWS)],
               "y": [*range(ROWS)]}  # fmt: skip
    _, _, usual = parts(new(settings | NUMBERED, **columns))
    validated = []
    for table in folds(new, 4, settings | NUMBERED, **columns):
        train, val, test = parts(table)
        assert test.equal(usual)
        assert sorted([*train.tolist(), *val.tolist(), *test.tolist()]) == [*range(ROWS)]
        validated += val.tolist()
        if settings:
            assert not {int(row) // 3 for row in train} & {int(row) // 3 for row in val}
    assert sorted([*validated, *usual.tolist()]) == [*range(ROWS)]


def test_each_fold_has_its_share_of_every_class(new: New) -> None:
    labels = ["a"] * 30 + ["b"] * 20 + ["c"] * 10
    found = [
        parts(table)[1].bincount().tolist()
        for table in folds(new, 4, CLASSES, x=[*range(ROWS)], y=labels)
    ]
    assert found == [[6, 4, 2]] * 4


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"folds": 1}, "data.folds=1: expected 2 or more"),
        ({"folds": 3, "fold": 3}, "data.fold=3: expected which of the folds validates, 0 to 2"),
        ({"folds": 3}, "data.fold=null: expected which"),
        ({"fold": 0}, "data.fold=0: expected data.folds too"),
        ({"folds": 3, "fold": 0, "time": "x"}, "all folds but the last would train on the future"),
    ],
)
def test_fold_that_cannot_be_is_refused(settings: dict[str, Any], problem: str, new: New) -> None:
    with pytest.raises((SettingError, ValueError), match=problem):
        new(settings, x=[*range(ROWS)], y=[*range(ROWS)])


def test_more_folds_than_groups_are_refused(new: New) -> None:
    groups = ["a", "b", "c", "d", "e", "f"] * 10
    table = new({"group": "g", "folds": 9, "fold": 0}, g=groups, y=[*range(ROWS)], x=[*range(ROWS)])
    with pytest.raises(DataError, match="folds=9: "):
        table.setup()
