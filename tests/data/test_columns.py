from pathlib import Path

import pytest

from seedbed.data.columns import Columns, check_two_classes, read_columns
from seedbed.errors import DataError


def write(folder: Path, text: str) -> Path:
    path = folder / "my.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def refusal(path: Path, *features: str) -> str:
    """What is said of a file whose column `y` is wanted, as classes."""
    with pytest.raises(DataError) as caught:
        check_two_classes(read_columns(path, "y", [*features] or None), "y")
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


# --- what is read ---------------------------------------------------------------------------------


def test_target_is_read_and_all_other_columns_as_features(folder: Path) -> None:
    path = write(folder, "a,y,b\n1,0,2.5\n-3e2,1,.5\n")
    assert read_columns(path, "y") == Columns(
        path, [2, 3], "y", [0.0, 1.0], {"a": [1.0, -300.0], "b": [2.5, 0.5]}
    )


def test_features_asked_for_are_read_in_that_order_and_no_others(folder: Path) -> None:
    path = write(folder, "name,a,y,b\nLi Bai,1,0,2\n,3,1,4\n")
    assert read_columns(path, "y", ["b", "a"]).features == {"b": [2, 4], "a": [1, 3]}


@pytest.mark.parametrize(
    "text",
    [
        "a,y\r\n1,0\r\n2,1\r\n",
        "\ufeffa,y\n1,0\n2,1\n",
        "a, y\n 1, 0\n 2, 1",
        '"a","y"\n"1","0"\n"2","1"\n',
        "a,y\n\n1,0\n2,1\n\n",
    ],
    ids=["windows lines", "byte order mark", "spaces", "quotes", "blank lines"],
)
def test_file_may_be_written_in_any_usual_way(text: str, folder: Path) -> None:
    columns = read_columns(write(folder, text), "y")
    assert (columns.features, columns.target) == ({"a": [1, 2]}, [0, 1])


def test_features_alone_are_read_where_there_is_no_target(folder: Path) -> None:
    columns = read_columns(write(folder, "name,a\nLi Bai,1\n"), None, ["a"])
    assert (columns.target, columns.features) == ([], {"a": [1]})


# --- what is refused ------------------------------------------------------------------------------


def test_missing_file_is_named(folder: Path) -> None:
    assert refusal(folder / "none.csv") == ": cannot be read (No such file or directory)."


def test_folder_in_place_of_a_file_is_named(folder: Path) -> None:
    assert refusal(folder) == ": cannot be read (Is a directory)."


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_empty_file_is_refused(text: str, folder: Path) -> None:
    expected = ": expected a header and rows of numbers; the file is empty."
    assert refusal(write(folder, text)) == expected


def test_header_alone_is_refused(folder: Path) -> None:
    expected = ": expected rows of numbers below the header; there are none."
    assert refusal(write(folder, "a,y\n")) == expected


def test_missing_target_names_the_nearest_column(folder: Path) -> None:
    path = write(folder, "study,sleep,passed\n1,2,0\n")
    with pytest.raises(DataError, match=r"row 1: no column 'pased'; did you mean passed\?"):
        read_columns(path, "pased")


def test_missing_feature_names_all_columns_where_none_is_near(folder: Path) -> None:
    path = write(folder, "a,b,y\n1,2,0\n")
    assert refusal(path, "weight") == ", row 1: no column 'weight'; there is a, b, y."


def test_target_alone_is_refused(folder: Path) -> None:
    expected = ", row 1: there is no column to predict 'y' from."
    assert refusal(write(folder, "y\n0\n1\n")) == expected


def test_column_that_stands_twice_is_refused(folder: Path) -> None:
    assert refusal(write(folder, "a,y,a\n1,0,2\n")) == ", row 1: 2 columns are called 'a'."


@pytest.mark.parametrize(("row", "cells"), [("1", 1), ("1,0,5", 3)])
def test_row_of_another_length_is_refused(row: str, cells: int, folder: Path) -> None:
    expected = f", row 3: expected 2 cells, as in the header, got {cells}."
    assert refusal(write(folder, f"a,y\n1,0\n{row}\n")) == expected


@pytest.mark.parametrize(
    "cell", ["abc", "", "nan", "NaN", "inf", "-Infinity", "1.5.2", "1e999", "-1e39"]
)
def test_cell_that_is_no_finite_number_is_named_by_row_and_column(cell: str, folder: Path) -> None:
    expected = f", row 4, column 'b': expected a finite number, got {cell!r}."
    assert refusal(write(folder, f"a,b,y\n1,2,0\n1,2,1\n1,{cell},1\n")) == expected


def test_bad_cell_of_the_target_is_named_too(folder: Path) -> None:
    expected = ", row 2, column 'y': expected a finite number, got 'yes'."
    assert refusal(write(folder, "a,y\n1,yes\n")) == expected


def test_rows_are_counted_as_in_the_file_blank_ones_too(folder: Path) -> None:
    assert ", row 5, column 'a'" in refusal(write(folder, "a,y\n\n1,0\n\nx,1\n"))


def test_cell_of_several_lines_is_of_one_row(folder: Path) -> None:
    path = write(folder, 'note,a,y\n"one\ntwo",1,0\n"x",2,1\n,z,1\n')
    assert ", row 4, column 'a'" in refusal(path, "a")


def test_one_class_only_is_refused(folder: Path) -> None:
    expected = ", column 'y': expected classes 0 and 1, and all 3 rows have 1."
    assert refusal(write(folder, "a,y\n1,1\n2,1\n3,1\n")) == expected


@pytest.mark.parametrize("third", ["2", "-1", "0.5"])
def test_third_class_is_named_by_row_and_column(third: str, folder: Path) -> None:
    expected = f", row 4, column 'y': expected class 0 or 1, got {third}."
    assert refusal(write(folder, f"a,y\n1,0\n2,1\n3,{third}\n")) == expected


def test_quote_that_is_never_closed_is_refused(folder: Path) -> None:
    assert ", line 3: not as in a CSV file (unexpected end" in refusal(
        write(folder, 'a,y\n1,0\n"2,1\n')
    )


def test_file_that_is_not_text_is_refused(folder: Path) -> None:
    path = folder / "my.xlsx"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    assert ": expected UTF-8 text (" in refusal(path)
