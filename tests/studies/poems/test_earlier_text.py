"""A run of an earlier version, kept as it was written, under every verb."""

import tarfile
from pathlib import Path
from typing import Any

import pytest


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
    words: list[str], seedbed: Any, tmp_path: Path
) -> None:
    run = earlier(tmp_path)
    called = seedbed(*(run if word == "RUN" else word for word in words))
    assert (called.status, called.err) == (0, "")
    if words[0] == "generate":
        assert called.out.startswith("秋江長歌")
