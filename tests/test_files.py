from pathlib import Path

import pytest

from seedbed.errors import RunError
from seedbed.files import place_text, placed, writing


def test_file_is_replaced_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text("old")
    with placed(path) as temporary:
        temporary.write_text("ne")
        assert path.read_text() == "old"
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert [*tmp_path.iterdir()] == [path]


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        place_text(path, "new\ud800")
    assert path.read_text() == "old"
    assert [*tmp_path.iterdir()] == [path]


def test_temporary_file_has_the_ending_that_writers_go_by(tmp_path: Path) -> None:
    with placed(tmp_path / "corpus.npz") as temporary:
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
