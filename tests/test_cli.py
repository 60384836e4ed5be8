from pathlib import Path

import pytest
from typer.testing import CliRunner

from seedbed.cli import app
from seedbed.data import fetch
from seedbed.data.fetch import Download


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """What is asked for, and where it is to go, in place of fetching it."""
    asked: list[tuple[str, Path]] = []

    def note(download: Download, into: Path) -> None:
        asked.append((download.name, into))

    monkeypatch.setattr(fetch, "fetch", note)
    return asked


@pytest.mark.parametrize(
    ("words", "name"), [([], "tang_poems"), (["poems"], "tang_poems"), (["mnist"], "mnist")]
)
def test_fetch_takes_the_poems_or_what_is_named(
    words: list[str], name: str, fetched: list[tuple[str, Path]], tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["fetch", *words, "--data-dir", str(tmp_path)])
    assert (result.exit_code, fetched) == (0, [(name, tmp_path)])


def test_fetch_of_anything_else_names_what_there_is(fetched: list[tuple[str, Path]]) -> None:
    result = CliRunner().invoke(app, ["fetch", "novels"])
    assert result.exit_code == 2
    assert all(name in result.output for name in ("'novels'", "'poems'", "'mnist'"))
    assert not fetched
