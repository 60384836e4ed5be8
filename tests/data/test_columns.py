"""What a table's columns become, seen through the DataModule of a file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from stages import In

from seedbed.data.table import Table
from seedbed.errors import DataError

New = Callable[..., Table]

ROWS = 40


@pytest.fixture
def new(tmp_path: Path) -> New:
    """Makes the data module of a file with these columns beside `y`, which numbers the rows.

    Its training part is rows 12 to 39, its validation 8 to 11 and its test 0 to 7: the past of a
    column of times that goes backwards.
    """

    def table(_name: str = "my.csv", /, _settings: Any = None, **columns: list[Any]) -> Table:
        path = tmp_path / _name
        ordered = {"t": [*range(ROWS, 0, -1)], "y": [*range(ROWS)]}
        rows = zip(*(columns | ordered).values(), strict=True)
        lines = [",".join([*columns, "t", "y"]), *(",".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines))
        features = {"features": [*columns]} if columns else {}
        own = {"target": "y", "time": "t", "scale_target": False, **features}
        return Table(path=str(path), **(own | (_settings or {})))

    return table


def inputs(table: Table) -> torch.Tensor:
    """Of all rows, in the file's order."""
    splits = table.splits
    parts = [splits.train, splits.val, splits.test]
    taken, numbers = (torch.cat([part[k] for part in parts]) for k in (0, 1))
    return taken[numbers[:, 0].argsort()]


def column(table: Table) -> dict[str, Any]:
    """What was fitted to the first column."""
    fitted: dict[str, Any] = table.state_dict()["columns"][0]
    return fitted


def refusal(table: Table) -> str:
    with pytest.raises(DataError) as caught:
        table.setup()
    return str(caught.value).removeprefix(str(table.path))


# --- numbers --------------------------------------------------------------------------------------


def test_gap_becomes_the_training_parts_median_beside_an_indicator(new: New) -> None:
    a: list[Any] = [*range(ROWS)]
    a[3] = a[10] = a[20] = ""  # in test, validation and training
    table = new(a=a)
    known = torch.tensor([n for n in range(12, ROWS) if n != 20], dtype=torch.float64)
    scaled = (known.median() - known.mean()) / known.std(correction=0)
    found = inputs(table)
    assert found[:, 1].nonzero().flatten().tolist() == [3, 10, 20]
    torch.testing.assert_close(found[[3, 10, 20], 0], scaled.float().expand(3))
    assert column(table)["fill"] == known.median().item()


def test_gap_in_another_part_alone_becomes_the_median(new: New) -> None:
    a: list[Any] = [*range(ROWS)]
    a[3] = "NA"
    found = inputs(new(a=a))
    assert found.shape == (ROWS, 1)
    torch.testing.assert_close(found[3], found[12:].mean(dim=0), atol=1e-6, rtol=0)


@pytest.mark.parametrize("gap", ["", "NA", "?", "nan", "null", " ", "-"])
def test_gaps_are_named_where_they_are_an_error(gap: str, new: New) -> None:
    a: list[Any] = [*range(ROWS)]
    a[20] = gap
    said = refusal(new(_settings={"missing": "error"}, a=a))
    assert said.startswith(f", row 22, column 'a': expected a value, got {gap.strip()!r}")


@pytest.mark.parametrize("cell", ["abc", "inf", "1.5.2", "1e999", "-1e39", "2018_01"])
def test_cell_that_is_no_finite_number_is_named_by_row_and_column(cell: str, new: New) -> None:
    a: list[Any] = [*range(ROWS)]
    a[20] = cell
    assert refusal(new(a=a)) == (
        f", row 22, column 'a': expected a finite number, got {cell!r}. To leave the column out, "
        "data.drop=[a]; to take its cells as words, data.categories=[a]."
    )


@pytest.mark.parametrize("unit", [1e-200, 1e-310, 1e-30, 1e36])
def test_numbers_of_any_size_are_scaled(unit: float, new: New) -> None:
    known = inputs(new(a=[unit * n for n in range(ROWS)]))[12:].double()
    assert known.mean().item() == pytest.approx(0, abs=1e-6)
    assert known.std(correction=0).item() == pytest.approx(1, rel=1e-3)


def test_column_without_a_cell_is_left_out_and_reported(new: New) -> None:
    table = new(a=[*range(ROWS)], b=[""] * ROWS)
    assert table.sizes["inputs"] == 1
    assert any(note.startswith("left out: b (empty") for note in table.remarks)


def test_sum_of_many_numbers_is_exact_to_its_last_digits() -> None:
    import math

    import numpy as np

    from seedbed.data.columns import mean_and_deviation

    numbers = np.random.default_rng(0).normal(1e6, 1, 200_001)
    mean, deviation = mean_and_deviation(numbers)
    expected = math.fsum(numbers) / len(numbers)
    assert mean == pytest.approx(expected, rel=1e-15)
    assert deviation == pytest.approx(numbers.std(), rel=1e-10)


# --- booleans -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yes", "no"), [("yes", "no"), ("TRUE", "FALSE"), ("Y", "N"), ("t", "f"), ("On", "Off")]
)
def test_words_for_yes_and_no_are_one_number(yes: str, no: str, new: New) -> None:
    table = new(a=[yes if row % 3 else no for row in range(ROWS)])
    found = inputs(table)
    assert (column(table)["kind"], found.shape[1]) == ("boolean", 1)
    assert ((found[:, 0] > 0) == torch.tensor([row % 3 > 0 for row in range(ROWS)])).all()


def test_another_word_among_new_rows_is_named(new: New, tmp_path: Path) -> None:
    table = new(a=["yes", "no"] * 20)
    (new_rows := tmp_path / "new.csv").write_text("a\nyes\nmaybe\n")
    with pytest.raises(DataError, match=r"row 3, column 'a': expected true or false, got 'maybe'"):
        table.read_inputs(new_rows)


# --- categories -----------------------------------------------------------------------------------


def test_each_level_has_an_input_and_all_others_one(new: New, tmp_path: Path) -> None:
    table = new(a=["red", "blue"] * 20)
    assert column(table)["levels"] == ["blue", "red"]
    (new_rows := tmp_path / "new.csv").write_text('a,b\nred,1\n"blue",1\ngreen,1\n"",1\n')
    expected = [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]
    assert table.read_inputs(new_rows).inputs.tolist() == expected


def test_levels_are_the_training_parts_alone(new: New) -> None:
    words = ["early"] * 12 + ["red", "blue"] * 14
    assert column(new(a=words))["levels"] == ["blue", "red"]


def test_level_seen_once_teaches_the_input_of_the_unseen(new: New) -> None:
    words = ["red", "blue"] * 20
    words[30] = "once"
    table = new(a=words)
    assert column(table)["levels"] == ["blue", "red"]
    assert inputs(table)[30].tolist() == [0, 0, 1]


def test_gap_of_a_category_is_a_level(new: New) -> None:
    assert column(new(a=["red", "NA"] * 20))["levels"] == ["", "red"]


def test_beyond_a_number_of_levels_the_commonest_have_inputs(new: New) -> None:
    words = ["a", "b", "c", "a", "b", "d", "e", "a"] * 5
    table = new(_settings={"levels": 2}, a=words)
    assert column(table)["levels"] == ["a", "b"]
    assert "a: 5 levels, 2 of them kept apart" in table.remarks


def test_beyond_that_number_a_category_is_embedded_by_its_levels_numbers(
    new: New, tmp_path: Path
) -> None:
    words = ["c", "b", "a", "c", "b", "d", "a", "once"] * 5
    words[-1] = "again"
    table = new(_settings={"levels": 2, "embed": True}, a=words, b=[*range(ROWS)])
    assert (column(table)["name"], table.sizes["embedded"]) == ("b", [5])  # which are the last
    assert table.state_dict()["columns"][1]["levels"] == ["a", "b", "c", "d", "once"]
    assert "2 columns: 1 number, 1 embedded (5 levels); target y" in table.remarks
    (new_rows := tmp_path / "new.csv").write_text('b,a\n1,d\n1,a\n1,"none of them"\n1,""\n')
    without = Table(path="gone.csv", target="y")
    without.load_state_dict(table.state_dict())
    assert without.read_inputs(new_rows).inputs[:, 1].tolist() == [4, 1, 0, 0]
    assert without.sizes == table.sizes


def test_noise_leaves_the_numbers_of_levels(new: New) -> None:
    settings = {"levels": 2, "embed": True, "input_noise": 1.0}
    table = new(_settings=settings, a=["c", "b", "a", "d"] * 10, b=[*range(ROWS)])
    table.trainer = In("training")
    batch = table.splits.train
    changed = (table.on_after_batch_transfer(batch, 0)[0] != batch[0]).any(dim=0)
    assert changed.tolist() == [True, False]


def test_numbers_may_be_names(new: New) -> None:
    table = new(_settings={"categories": ["a"]}, a=[1, 2, 3, 1] * 10)
    assert column(table)["levels"] == ["1", "2", "3"]


def test_words_that_are_others_in_every_row_are_left_out_unless_asked_for(new: New) -> None:
    columns = {"a": [*range(ROWS)], "name": [f"name {row}" for row in range(ROWS)]}
    table = new(_settings={"features": None, "drop": ["t"]}, **columns)
    assert table.sizes["inputs"] == 1
    assert any(note.startswith("left out: name (") for note in table.remarks)
    assert new(**columns).sizes["inputs"] == 2  # among the features


# --- dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"),
        *("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%d/%m/%Y %H:%M"),
    ],
)
def test_date_becomes_time_gone_by_month_and_weekday(form: str, new: New) -> None:
    from datetime import datetime, timedelta

    days = [datetime(2026, 1, 1) + timedelta(days=3 * row) for row in range(ROWS)]
    table = new(a=[day.strftime(form) for day in days])
    fitted = column(table)
    later = [day for row, day in enumerate(days) if row >= 12]
    assert (fitted["kind"], fitted["parts"]) == (
        "date",
        {"month": [2, 3, 4], "weekday": [*range(7)]},
    )
    found = inputs(table)
    steps = found[1:, 0] - found[:-1, 0]
    torch.testing.assert_close(steps, steps.mean().expand(ROWS - 1), rtol=1e-3, atol=1e-4)
    for row, day in [*enumerate(days)][12:]:
        assert found[row, 1:4].argmax() == [2, 3, 4].index(day.month)
        assert found[row, 4:].argmax() == day.weekday()
    assert len(later) == 28


def test_months_alone_are_dates_and_hours_are_parts(new: New) -> None:
    months = new(a=[f"{2020 + row // 12}-{row % 12 + 1:02}" for row in range(ROWS)])
    assert [*column(months)["parts"]] == ["month", "weekday"]
    hours = new(a=[f"2026-01-01 {row % 24:02}:30" for row in range(ROWS)])
    assert column(hours)["parts"] == {"hour": [*range(24)]}


def test_dates_that_may_be_read_in_two_ways_are_refused(new: New) -> None:
    said = refusal(new(a=[f"{row % 12 + 1:02}/05/2026" for row in range(ROWS)]))
    assert said.startswith(", column 'a': '01/05/2026' may be the day or the month first")


def test_gap_among_dates_has_an_indicator_and_no_parts(new: New) -> None:
    days = [f"2026-01-{row % 20 + 1:02}" for row in range(ROWS)]
    days[20] = ""
    found = inputs(new(a=days))
    assert found[20, 1:].tolist() == [1] + [0] * 7


# --- without the file -----------------------------------------------------------------------------


def test_new_rows_become_what_the_same_rows_were(new: New) -> None:
    a: list[Any] = [1.5 * row for row in range(ROWS)]
    a[15] = ""
    days = [f"2026-{row % 12 + 1:02}-15" for row in range(ROWS)]
    words, known = ["red", "blue", "green", "blue"] * 10, ["yes", "no"] * 20
    table = new(a=a, b=words, c=days, d=known)
    without = Table(path="gone.csv", target="y")
    without.load_state_dict(table.state_dict())
    assert torch.equal(without.read_inputs(table.path).inputs, inputs(table))


def test_state_is_plain(new: New) -> None:
    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(map(plain, [*value, *value.values()]))
        return all(map(plain, value)) if type(value) is list else type(value) in PLAIN

    PLAIN = (str, int, float, bool, type(None))
    days = [f"2026-{row % 12 + 1:02}-15" for row in range(ROWS)]
    assert plain(new(a=[*range(ROWS)], b=["red", "blue"] * 20, c=days).state_dict())


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"deviation": 0.0},
        {"mean": "x"},
        {"levels": ["x"] * 3},
        {"fill": float("inf")},
        {"more": 1},
        {"kind": "embedded"},
    ],
    ids=str,
)
def test_state_of_columns_that_cannot_be_is_refused(change: dict[str, Any], new: New) -> None:
    state = new(a=["red", "blue"] * 20).state_dict()
    state["columns"][0] |= change
    with pytest.raises(ValueError, match="of the data: "):
        Table(path="gone.csv", target="y").load_state_dict(state)


def test_state_of_an_earlier_run_is_one_of_numbers(new: New) -> None:
    table = new(a=[*range(ROWS)], b=[1, 2] * 20)
    state = table.state_dict()
    earlier = {name: state[name] for name in state if name not in ("columns", "labels")}
    again = Table(
        path=str(table.path), target="y", time="t", features=["a", "b"], scale_target=False
    )
    again.load_state_dict(earlier)
    torch.testing.assert_close(again.read_inputs(table.path).inputs, inputs(table))
    again.setup()
    assert again.state_dict() == state
