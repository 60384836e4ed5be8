"""What `seedbed fetch` brings of this study."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from seedbed.cli.main import app
from seedbed.data.fetch import Download
from studies.mnist import mnist


@pytest.mark.parametrize(("words", "name"), [(["mnist"], "mnist")])
def test_fetch_asks_for_the_studys_download(
    words: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, Path]] = []

    def note(download: Download, into: Path) -> Path:
        asked.append((download.name, into))
        return into / download.name

    monkeypatch.setenv("SEEDBED_DATA_DIR", "")  # so that it is set back
    monkeypatch.setattr(mnist, "fetch", note)
    result = CliRunner().invoke(app, ["fetch", *words, "--data-dir", str(tmp_path)])
    assert (result.exit_code, asked) == (0, [(name, tmp_path)])
    assert result.output.endswith(f": {tmp_path / name}\n")
