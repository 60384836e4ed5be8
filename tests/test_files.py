import csv
import json
import os
from pathlib import Path

import pytest

from seedbed.errors import RunError
from seedbed.files import atomic_write, place_csv, place_text, refuse_links_out, writing


def test_file_is_replaced_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text("old")
    with atomic_write(path) as temporary:
        temporary.write_text("ne")
        assert path.read_text() == "old"
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert [*tmp_path.iterdir()] == [path]


def test_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        place_text(path, "new")
    assert [*tmp_path.iterdir()] == [path]


def test_table_is_placed_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    place_csv(path, [["x", "y"], [1, None]])
    with pytest.raises(ZeroDivisionError):
        place_csv(path, ([k, 1 / (9999 - k)] for k in range(10_000)))
    assert path.read_bytes() == b"x,y\n1,\n"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-", "=cmd|' /C calc'!A0"]
)
def test_text_that_a_spreadsheet_would_compute_is_quoted(text: str, tmp_path: Path) -> None:
    place_csv(tmp_path / "table.csv", [[text, Path(text)]])
    with (tmp_path / "table.csv").open(newline="") as file:
        assert next(csv.reader(file)) == [f"'{text}", f"'{text}"]


def test_numbers_and_other_texts_are_written_as_they_are(tmp_path: Path) -> None:
    cells = ["-1.5", "+2", "-inf", "-1e-3", "a=b", "", "1-2", "'=1", "春"]
    place_csv(tmp_path / "table.csv", [[*cells, -1.5, None, True, "name \udcff"]])
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.reader(file)) == [*cells, "-1.5", "", "True", r"name \udcff"]


def test_temporary_file_has_the_ending_that_writers_go_by(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "corpus.npz") as temporary:
        temporary.touch()
        assert temporary.suffix == ".npz"


def test_text_is_written_as_utf8(tmp_path: Path) -> None:
    place_text(tmp_path / "poem.txt", "春\n")
    assert (tmp_path / "poem.txt").read_bytes() == "春\n".encode()


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError) as caught, writing(tmp_path):
        (tmp_path / "file" / "below").mkdir()
    assert str(caught.value) == (
        f"{tmp_path / 'file' / 'below'}: cannot be written (Not a directory). Choose another place."
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One from elsewhere, beside something that it does not hold."""
    (tmp_path / "outside").write_text("mine")
    (tmp_path / "folder" / "below").mkdir(parents=True)
    return tmp_path / "folder"


@pytest.mark.parametrize("target", ["../outside", "../not yet there", "..", "/", "below/../.."])
def test_link_out_of_a_folder_is_refused(target: str, folder: Path) -> None:
    (folder / "link").symlink_to(target)
    with pytest.raises(RunError, match=r"folder/link is a link out of .*folder, so nothing is"):
        refuse_links_out(folder)


def test_link_out_is_found_below_too(folder: Path) -> None:
    (folder / "below" / "log").symlink_to("../../outside")
    with pytest.raises(RunError, match="below/log is a link out"):
        refuse_links_out(folder)


def test_second_name_of_a_file_elsewhere_is_refused(folder: Path) -> None:
    os.link(folder.parent / "outside", folder / "train.log")
    with pytest.raises(RunError, match=r"train\.log is a link out"):
        refuse_links_out(folder)


def test_links_within_a_folder_are_let_be_also_where_it_is_a_link_itself(folder: Path) -> None:
    (folder / "file").touch()
    (folder / "below" / "latest").symlink_to("../file")
    (folder / "round").symlink_to("round")
    (folder.parent / "logs").symlink_to("folder")
    refuse_links_out(folder)
    refuse_links_out(folder.parent / "logs")


def test_what_is_not_utf8_is_placed_as_json_has_it(tmp_path: Path) -> None:
    place_text(tmp_path / "a.json", '"caf\udce9"')
    assert json.loads((tmp_path / "a.json").read_text()) == "caf\udce9"
