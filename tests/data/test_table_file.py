import gzip
from pathlib import Path

import polars as pl
import pytest

from seedbed.data.table_file import TableFile, read_table, shown_rows
from seedbed.errors import DataError


def write(folder: Path, text: str, name: str = "my.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding, newline="")
    return path


def read(folder: Path, text: str) -> TableFile:
    return read_table(write(folder, text))


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_table(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


# --- what is read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a,y\r\n1,0\r\n2,1\r\n",
        "a,y\r1,0\r2,1\r",
        "\ufeffa,y\n1,0\n2,1\n",
        "a, y\n 1, 0\n 2, 1",
        '"a","y"\n"1","0"\n"2","1"\n',
        "a,y\n\n1,0\n2,1\n\n",
        "\n\na,y\n1,0\n2,1\n,\n,\n",
        "sep=,\na,y\n1,0\n2,1\n",
        "sep=;\na;y\n1;0\n2;1\n",
        "a;y\n1;0\n2;1\n",
        "a\ty\n1\t0\n2\t1\n",
        "a|y\n1|0\n2|1\n",
        "a y\n1 0\n2 1\n",
        "  a    y\n  1    0\n  2    1\n",
        "a   b\ty\n1   x\t0\n2   x\t1\n",
    ],
    ids=[
        *("windows lines", "old mac lines", "byte order mark", "spaces around", "quotes"),
        *("blank lines", "rows of blanks", "sep line", "another sep line", "semicolons", "tabs"),
        *("bars", "spaces", "many spaces", "spaces and tabs"),
    ],
)
def test_file_may_be_written_in_any_usual_way(text: str, tmp_path: Path) -> None:
    file = read(tmp_path, text)
    assert file.numbers(["a", "y"]).to_dict(as_series=False) == {"a": [1, 2], "y": [0, 1]}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_encoding_is_what_the_files_mark_says(encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path, "größe,y\n1,春\n", encoding=encoding)
    file = read_table(path)
    assert (file.names, file.texts("y").to_list()) == (["größe", "y"], ["春"])


def test_encoding_is_what_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "größe,y\n1,2\n", encoding="cp1252")
    assert read_table(path, encoding="cp1252").names == ["größe", "y"]
    assert ": expected UTF-8 text (" in refusal(path)
    assert "name its encoding in data.encoding." in refusal(path)


def test_gzip_is_opened(tmp_path: Path) -> None:
    (path := tmp_path / "my.csv.gz").write_bytes(gzip.compress(b"a,y\n1,2\n"))
    assert read_table(path).texts("y").to_list() == ["2"]


def test_file_that_is_unpacked_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.data.table_file.memory", lambda: 100_000)
    (path := tmp_path / "my.csv.gz").write_bytes(gzip.compress(b"a,y\n" + b"1,2\n" * 10_000))
    with pytest.raises(DataError, match="unpacked it is too large for this machine's memory"):
        read_table(path)


def test_file_larger_than_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.data.table_file.memory", lambda: 1000)
    (tmp_path / "my.csv").write_bytes(b"a,y\n" + b"1,2\n" * 1000)
    assert refusal(tmp_path / "my.csv") == ": is larger than this machine's memory."


def test_parquet_keeps_numbers_words_dates_and_gaps(tmp_path: Path) -> None:
    columns = {"a": [1.5, None], "b": ["x", None], "c": [True, False]}
    frame = pl.DataFrame(columns | {"d": pl.Series(["2026-01-31", None]).str.to_date()})
    frame.write_parquet(path := tmp_path / "my.parquet")
    file = read_table(path)
    assert file.numbers(["a", "c"]).to_dict(as_series=False) == {"a": [1.5, None], "c": [None] * 2}
    assert [file.texts(name).to_list() for name in "abcd"] == [
        *(["1.5", ""], ["x", ""], ["true", "false"], ["2026-01-31", ""]),
    ]


@pytest.mark.parametrize(
    ("text", "numbers", "said"),
    [
        ("a;y\n1,5;-0,25\n", [1.5, -0.25], "';' between cells, ',' in numbers"),
        ('a,y\n"1,5","2"\n', [1.5, 2], "',' between cells, ',' in numbers"),
        ("a;y\n1.234,5;1\n", [1234.5, 1], "';' between cells, ',' in numbers"),
        ("a\ty\n1.5\t2\n", [1.5, 2], "tabs between cells, '.' in numbers"),
        ("a y\n1.5  2\n", [1.5, 2], "spaces between cells, '.' in numbers"),
    ],
)
def test_decimal_mark_is_found_out_and_reported(
    text: str, numbers: list[float], said: str, tmp_path: Path
) -> None:
    file = read(tmp_path, text)
    assert (*file.numbers(["a", "y"]).row(0),) == (*numbers,)
    assert file.read_as == said


def test_separator_and_decimal_mark_may_be_said(tmp_path: Path) -> None:
    file = read_table(write(tmp_path, "a;b,y\n1;2,5\n"), separator=";", decimal=",")
    assert (file.names, file.numbers(["b,y"]).row(0)) == (["a", "b,y"], (2.5,))


@pytest.mark.parametrize("cell", ["2018_01", "0x10", "1.5.2", "١", "1e", "abc"])
def test_what_is_no_number_is_none(cell: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"a,y\n{cell},1\n").numbers(["a"]).row(0) == (None,)


def test_rows_are_counted_as_in_the_file_blank_ones_too(tmp_path: Path) -> None:
    assert [*read(tmp_path, "a,y\n\n1,0\n\nx,1\n").rows] == [3, 5]
    assert [*read(tmp_path, "sep=,\na,y\n1,0\n").rows] == [3]


def test_cell_of_several_lines_is_of_one_row(tmp_path: Path) -> None:
    file = read(tmp_path, 'note,a,y\n"one, two\nthree",1,0\n"x",2,1\n,z,1\n')
    assert (file.place(2, "a"), file.texts("a")[2]) == (f"{file.path}, row 4, column 'a'", "z")


@pytest.mark.parametrize("columns", [3, 20_000])
def test_wide_table_is_read(columns: int, tmp_path: Path) -> None:
    lines = [",".join(f"{word}{k}" for k in range(columns)) for word in ("c", "", "")]
    file = read(tmp_path, "\n".join(lines))
    assert file.numbers(file.names).row(1) == (*range(columns),)


# --- what is refused ------------------------------------------------------------------------------


def test_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.csv") == ": cannot be read (No such file or directory)."


def test_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path) == ": cannot be read (Is a directory)."


@pytest.mark.parametrize("text", ["", "\n\n", "sep=;\n"])
def test_empty_file_is_refused(text: str, tmp_path: Path) -> None:
    expected = ": expected a header and rows of numbers; the file is empty."
    assert refusal(write(tmp_path, text)) == expected


def test_header_alone_is_refused(tmp_path: Path) -> None:
    expected = ": expected rows of numbers below the header; there are none."
    assert refusal(write(tmp_path, "a,y\n")) == expected


@pytest.mark.parametrize("gap", [" ", "\t"])
def test_file_without_a_header_is_refused(gap: str, tmp_path: Path) -> None:
    said = refusal(write(tmp_path, f'12.4   8   291.6{gap}"car 0"\n13.1   6   190.2{gap}"car 1"\n'))
    assert said == (
        ", row 1: expected the columns' names, got numbers, 12.4, 8, 291.6. "
        "Add a first row with a name for each column."
    )


def test_years_may_be_names_of_columns(tmp_path: Path) -> None:
    assert read(tmp_path, "country,2018,2019\nA,1,2\n").names == ["country", "2018", "2019"]


@pytest.mark.parametrize(
    ("name", "hint"), [("pased", "did you mean passed?"), ("w", "there is passed, sleep, study.")]
)
def test_missing_column_names_the_nearest_or_all(name: str, hint: str, tmp_path: Path) -> None:
    file = read(tmp_path, "study,sleep,passed\n1,2,0\n")
    with pytest.raises(DataError) as caught:
        file.check_names([name])
    assert str(caught.value) == f"{file.path}, row 1: no column '{name}'; {hint}"


def test_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, "a,y,a\n1,0,2\n")) == ", row 1: 2 columns are called 'a'."


@pytest.mark.parametrize(
    ("row", "cells"), [("1", 1), ("1,0,5", 3), ('"1,0"', 1), ('"1\n2",0,3', 3), ("1,0,", 3)]
)
def test_row_of_another_length_is_refused(row: str, cells: int, tmp_path: Path) -> None:
    expected = f", row 4: expected 2 cells, as in the header, got {cells}."
    assert refusal(write(tmp_path, f'a,y\n1,0\n\n{row}\n"2,5",0\n')) == expected


def test_quote_that_is_never_closed_is_refused(tmp_path: Path) -> None:
    assert ", line 3: not as in a CSV file (unexpected end" in refusal(
        write(tmp_path, 'a,y\n1,0\n"2,1\n')
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("my.xlsx", b"PK\x03\x04\xff\xfe", ": expected UTF-8 text ("),
        ("my.csv.gz", b"\x1f\x8b\x08\x00", ": not as gzip writes it ("),
        ("my.parquet", b"PAR1 and so on", ": not a Parquet file ("),
    ],
)
def test_file_that_is_no_table_is_refused(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert message in refusal(tmp_path / name)


def test_cells_stay_as_they_are_written_where_they_are_read_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n1.50,007,x\n\n2,010,y\n\n")
    file = read_table(path)
    assert file.numbers(["b", "a"]).rows() == [(7.0, 1.5), (10.0, 2.0)]
    assert file.texts("b").to_list() == ["007", "010"]
    assert [*shown_rows(file)] == [["1.50", "007", "x"], ["2", "010", "y"]]
    assert file.place(1, "b") == f"{path}, row 4, column 'b'"


def test_word_below_many_numbers_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 500 + "2018_01,\n")
    file = read_table(path)
    assert file.texts("a")[500] == "2018_01"
    assert file.numbers(["a", "b"]).row(500) == (None, None)
    assert file.numbers(["a", "b"]).row(499) == (1.0, 2.0)
