"""A run of an earlier version, kept as it was written, under every verb."""

import tarfile
from pathlib import Path

import pytest
from fixtures import Command

import studies.poems
from seedbed.config.targets import check_targets
from seedbed.record.directory import RunDirectory


def earlier(folder: Path) -> Path:
    """Unpack a run of version 1."""
    with tarfile.open(Path(__file__).with_name("verse.tar.xz")) as archive:
        archive.extractall(folder, filter="data")
    return folder / "verse"


@pytest.mark.parametrize(
    "words",
    [
        ["resume", "RUN", "max_steps=8"],
        ["evaluate", "RUN", "--checkpoint", "last"],
        ["generate", "RUN", "--seed", "1", "--length", "3", "--checkpoint", "last"],
    ],
    ids=" ".join,
)
def test_text_of_version_1_works_with_every_verb(
    words: list[str], seedbed: Command, tmp_path: Path
) -> None:
    run = earlier(tmp_path)
    called = seedbed(*(run if word == "RUN" else word for word in words))
    assert (called.status, called.err) == (0, "")
    if words[0] == "generate":
        assert called.out.startswith("秋江長歌")


def test_text_of_version_1_needs_no_other_study(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("seedbed.record.schema.own_studies", lambda: [studies.poems])
    config = RunDirectory(earlier(tmp_path)).config()
    check_targets(config)
    assert config["data"]["_target_"] == "studies.poems.verse.Verse"
