"""Runs of an earlier version, kept as they were written, under every verb."""

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from seedbed.errors import RunError
from seedbed.record.directory import RunDirectory
from seedbed.record.schema import KEY, VERSION

EARLIER = Path(__file__).parent / "earlier"


@pytest.fixture
def earlier(tmp_path: Path) -> Callable[[str], Path]:
    """Unpack a run of version 1."""

    def unpack(name: str) -> Path:
        with tarfile.open(EARLIER / f"{name}.tar.xz") as archive:
            archive.extractall(tmp_path, filter="data")
        return tmp_path / name

    return unpack


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
    words: list[str], earlier: Callable[[str], Path], seedbed: Any, tmp_path: Path
) -> None:
    (tmp_path / "new.csv").write_text("x\n1\n")
    places = {"RUN": earlier("line"), "new.csv": tmp_path / "new.csv"}
    called = seedbed(*(places.get(word, word) for word in words))
    assert (called.status, called.err) == (0, "")


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
    words: list[str], earlier: Callable[[str], Path], seedbed: Any
) -> None:
    run = earlier("verse")
    called = seedbed(*(run if word == "RUN" else word for word in words))
    assert (called.status, called.err) == (0, "")
    if words[0] == "generate":
        assert called.out.startswith("秋江長歌")


def test_run_is_written_in_the_present_version(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {"seed": 1})
    assert yaml.safe_load(run.config_file.read_text()) == {KEY: VERSION, "seed": 1}
    assert run.config() == {"seed": 1}


@pytest.mark.parametrize("version", [3, "x", None, [2]])
def test_run_of_another_version_is_refused_in_a_sentence(version: Any, tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {"seed": 1})
    run.config_file.write_text(yaml.safe_dump({KEY: version, "seed": 1}))
    with pytest.raises(RunError, match="opens runs up to 2"):
        run.config()
