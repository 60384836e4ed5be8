from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seedbed.data.parts import random_parts
from seedbed.data.table import Table
from seedbed.errors import DataError, SettingError

New = Callable[..., Table]

ROWS = 50


def columns() -> dict[str, list[float]]:
    """`a` numbers the rows, `b` does not change, `y` is a class."""
    a = [float(row) for row in range(ROWS)]
    return {"a": a, "b": [7.0] * ROWS, "y": [float(row % 3 == 0) for row in range(ROWS)]}


@pytest.fixture
def new(tmp_path: Path) -> New:
    """Makes the data module of a file with these columns."""

    def table(columns: dict[str, list[float]], **settings: Any) -> Table:
        path = tmp_path / "my.csv"
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines))
        return Table(**({"path": str(path), "target": "y"} | settings))

    return table


def targets(table: Table) -> list[list[float]]:
    parts = table.splits.train, table.splits.val, table.splits.test
    return [part[1][:, 0].tolist() for part in parts]


@pytest.mark.parametrize("name", ["path", "test_path"])
def test_device_in_place_of_a_file_is_not_read(name: str, new: New) -> None:
    with pytest.raises(DataError, match=r"/dev/null: .* \(it is no regular file\)"):
        new(columns(), **{name: "/dev/null"}).setup()


def test_every_row_is_in_one_part(new: New) -> None:
    parts = targets(new(columns() | {"y": columns()["a"]}, scale_target=False))
    assert [len(part) for part in parts] == [35, 5, 10]
    assert sorted([*parts[0], *parts[1], *parts[2]]) == columns()["a"]


def test_parts_depend_on_the_split_seed_alone(new: New) -> None:
    numbered = columns() | {"y": columns()["a"]}
    first = targets(new(numbered))
    assert targets(new(numbered, seed=1)) == first
    assert targets(new(numbered, split_seed=1)) != first


def test_test_part_stays_when_validation_takes_more() -> None:
    few = random_parts(100, validation=0.1, test=0.2, seed=0, source="")
    many = random_parts(100, validation=0.4, test=0.2, seed=0, source="")
    assert few[2].tolist() == many[2].tolist()


def test_inputs_of_the_training_part_have_mean_0_and_deviation_1(new: New) -> None:
    inputs, _ = new(columns()).splits.train
    torch.testing.assert_close(inputs[:, 0].mean(), torch.tensor(0.0), atol=1e-6, rtol=0)
    torch.testing.assert_close(inputs[:, 0].std(correction=0), torch.tensor(1.0))


def test_scale_is_the_training_parts_alone_and_applied_to_every_part(new: New) -> None:
    numbered = columns() | {"y": columns()["a"]}  # so that a target tells the unscaled input
    splits = new(numbered, scale_target=False).splits
    known = splits.train[1]
    mean, deviation = known.mean(), known.std(correction=0)
    for inputs, unscaled in (splits.train, splits.val, splits.test):
        torch.testing.assert_close(inputs[:, :1], (unscaled - mean) / deviation)


def test_column_that_does_not_change_becomes_0(new: New) -> None:
    inputs, _ = new(columns() | {"b": [0.1] * ROWS}).splits.train
    assert inputs[:, 1].tolist() == [0.0] * 35


@pytest.mark.parametrize("unit", [1e-25, 1e25])
def test_target_whose_square_single_precision_cannot_hold_is_refused(unit: float, new: New) -> None:
    table = new(columns() | {"y": [unit * a for a in columns()["a"]]})
    message = r"my\.csv, column 'y': its deviation is 1.*Give it in another unit"
    with pytest.raises(DataError, match=message):
        table.setup()


def test_scale_is_in_the_state_as_plain_numbers(new: New) -> None:
    table = new(columns() | {"y": columns()["a"]}, scale_target=False)
    known: Tensor = table.splits.train[1].double()
    scales = table.state_dict()["scale"]
    expected = [known.mean().item(), known.std(correction=0).item()]
    assert scales == {"a": pytest.approx(expected), "b": [7.0, 1.0]}
    assert all(type(number) is float for scale in scales.values() for number in scale)


def test_state_holds_what_a_net_must_know_without_the_data(new: New) -> None:
    state = new(columns()).state_dict()
    assert (state["shape"], state["outputs"], state["target"]) == ([2], 1, "y")
    without = Table(path="gone.csv", target="y")
    without.load_state_dict(state)
    assert without.sizes == {"inputs": 2, "outputs": 1}
    assert without.state_dict() == state


def test_state_of_the_same_data_is_taken(new: New) -> None:
    state = new(columns()).state_dict()
    table = new(columns())
    table.setup()
    table.load_state_dict(state)


def test_state_of_data_on_another_scale_is_refused(new: New) -> None:
    state = new(columns()).state_dict()
    table = new(columns() | {"b": [8.0] * ROWS})
    table.setup()
    with pytest.raises(DataError, match=r"another scale, .* Was the data changed"):
        table.load_state_dict(state)


def test_data_loaded_after_a_state_is_compared_with_it(new: New) -> None:
    state = new(columns()).state_dict()
    table = new(columns() | {"b": [8.0] * ROWS})
    table.load_state_dict(state)
    with pytest.raises(DataError, match="Was the data changed"):
        table.setup()


def test_number_to_predict_is_scaled_by_the_training_parts_mean_and_deviation(new: New) -> None:
    prices = columns() | {"y": [300_000.0 + 1000 * row for row in range(ROWS)]}
    unscaled = new(prices, scale_target=False).splits
    table = new(prices)
    known = unscaled.train[1].double()
    mean, deviation = known.mean(), known.std(correction=0)
    assert table.target_scale == pytest.approx((mean.item(), deviation.item()))
    for part in ("train", "val", "test"):
        expected = (getattr(unscaled, part)[1] - mean) / deviation
        torch.testing.assert_close(getattr(table.splits, part)[1], expected, check_dtype=False)


def test_number_to_predict_stays_as_it_is_where_asked(new: New) -> None:
    table = new(columns() | {"y": columns()["a"]}, scale_target=False)
    assert table.splits.train[1].max() > 40
    assert table.target_scale == (0.0, 1.0)


def test_classes_are_not_scaled(new: New) -> None:
    table = new(columns(), kind="binary")
    assert set(table.splits.train[1].flatten().tolist()) == {0.0, 1.0}
    assert table.target_scale == (0.0, 1.0)


def test_targets_on_another_scale_are_refused_as_inputs_are(new: New) -> None:
    state = new(columns() | {"y": columns()["a"]}).state_dict()
    table = new(columns() | {"y": [2 * row for row in columns()["a"]]})
    table.setup()
    with pytest.raises(DataError, match=r"another scale, .* Was the data changed"):
        table.load_state_dict(state)


def test_features_choose_the_inputs(new: New) -> None:
    assert new(columns(), features=["a"]).sizes["inputs"] == 1


@pytest.mark.parametrize("features", [[], ["a", "y"]])
def test_features_that_are_none_or_hold_the_target_are_refused(
    features: list[str], new: New
) -> None:
    with pytest.raises(ValueError, match="expected the columns to predict y from"):
        new(columns(), features=features)


def test_classes_are_checked_where_the_target_is_a_class(new: New) -> None:
    three = columns() | {"y": [float(row % 3) for row in range(ROWS)]}
    new(three).setup()
    with pytest.raises(
        DataError, match="row 4, column 'y': expected one of two classes, 0 and 1, got 2"
    ):
        new(three, kind="binary").setup()


@pytest.mark.parametrize("settings", [{"validation": 0.02}, {"test": 0.89}])
def test_too_few_rows_for_a_part_are_refused(settings: dict[str, float], new: New) -> None:
    with pytest.raises(DataError, match=r"my.csv: 50 rows are too few: .* each part needs 2"):
        new(columns(), **settings).setup()


@pytest.mark.parametrize("settings", [{"validation": 1.5}, {"test": 0.9}, {"test": -0.1}])
def test_shares_that_leave_nothing_are_refused_before_anything_is_read(
    settings: dict[str, float],
) -> None:
    with pytest.raises(SettingError, match="expected shares above 0 that leave some rows"):
        Table(path="nowhere.csv", target="y", **settings)


def test_record_names_the_file_its_checksum_and_the_parts(new: New) -> None:
    facts = new(columns()).facts
    assert Path(facts["source"]).name == "my.csv"
    assert len(facts["sha256"]) == 64
    assert (facts["train"], facts["val"], facts["test"]) == (35, 5, 10)
