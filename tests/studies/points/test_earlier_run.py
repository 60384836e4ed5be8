"""A run of an earlier version, kept as it was written, under every verb."""

import tarfile
from pathlib import Path

import pytest
from fixtures import Command

import studies.points
from seedbed.record.directory import RunDirectory


def earlier(folder: Path) -> Path:
    """Unpack a run of version 1."""
    with tarfile.open(Path(__file__).with_name("line.tar.xz")) as archive:
        archive.extractall(folder, filter="data")
    return folder / "line"


@pytest.mark.parametrize(
    "words",
    [
        ["resume", "RUN"],
        ["resume", "RUN", "max_epochs=6"],
        ["evaluate", "RUN", "--checkpoint", "last"],
        ["predict", "RUN", "new.csv", "--checkpoint", "last"],
        ["export", "RUN", "--format", "safetensors", "--checkpoint", "last"],
        ["reproduce", "RUN"],
        ["runs", "RUN"],
        ["compare", "RUN"],
    ],
    ids=" ".join,
)
def test_table_of_version_1_works_with_every_verb(
    words: list[str], seedbed: Command, tmp_path: Path
) -> None:
    (tmp_path / "new.csv").write_text("x\n1\n")
    places = {"RUN": earlier(tmp_path), "new.csv": tmp_path / "new.csv"}
    called = seedbed(*(places.get(word, word) for word in words))
    assert (called.status, called.err) == (0, "")


def test_table_of_version_1_is_read_where_there_is_no_other_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.record.schema.own_studies", lambda: [studies.points])
    config = RunDirectory(earlier(tmp_path)).config()
    assert "prompt" not in config
    assert config["data"]["_target_"].startswith("studies.points.")
