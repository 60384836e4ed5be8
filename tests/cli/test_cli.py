import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from seedbed.cli.main import app, main
from seedbed.data.fetch import Download, Https
from studies.mnist import mnist
from studies.poems import poems


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path]]:
    """What is asked for, and where it is to go, in place of fetching it."""
    asked: list[tuple[str, Path]] = []

    def note(download: Download, into: Path) -> Path:
        asked.append((download.name, into))
        return into / download.name

    monkeypatch.setenv("SEEDBED_DATA_DIR", "")  # so that it is set back
    for module in (poems, mnist):
        monkeypatch.setattr(module, "fetch", note)
    return asked


@pytest.mark.parametrize(
    ("words", "name"),
    [([], "tang_poems"), (["poems"], "tang_poems"), (["song"], "song_poems"), (["mnist"], "mnist")],
)
def test_fetch_takes_the_projects_main_data_or_what_is_named(
    words: list[str], name: str, fetched: list[tuple[str, Path]], tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["fetch", *words, "--data-dir", str(tmp_path)])
    assert (result.exit_code, fetched) == (0, [(name, tmp_path)])
    assert result.output.endswith(f": {tmp_path / name}\n")


def test_fetch_of_anything_else_names_what_there_is(
    seedbed: Callable[..., Any], fetched: list[tuple[str, Path]]
) -> None:
    called = seedbed("fetch", "novels")
    assert called.status == 2
    known = "cifar10, fashion_mnist, kmnist, mnist, poems, song"
    assert called.err == f"novels: nothing to fetch; there is {known}.\n"
    assert not fetched


def test_fetch_without_a_mirror_that_delivers_has_a_status_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    down = replace(poems.TANG_POEMS, mirrors=(Https("http://127.0.0.1:9/", pauses=()),))
    monkeypatch.setattr(poems, "TANG_POEMS", down)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("SEEDBED_DATA_DIR", "")  # so that it is set back
    monkeypatch.setattr(sys, "argv", ["seedbed", "fetch", "--data-dir", str(tmp_path)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 3
    assert "no mirror delivered tang_poems" in capsys.readouterr().err


def test_fetch_into_a_place_that_cannot_be_written_has_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEEDBED_DATA_DIR", "")
    monkeypatch.setattr(sys, "argv", ["seedbed", "fetch", "--data-dir", str(tmp_path / "file")])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1


# --- all verbs ------------------------------------------------------------------------------------

every_verb = pytest.mark.parametrize(
    "verb",
    [
        command.callback.__name__
        for command in app.registered_commands
        if command.callback and not command.hidden
    ],
)


@every_verb
def test_help_shows_an_example(verb: str) -> None:
    result = CliRunner().invoke(app, [verb, "--help"])
    assert result.exit_code == 0
    assert f"Example: seedbed {verb}" in " ".join(result.output.split())


@every_verb
def test_unknown_option_is_a_wrong_call(verb: str) -> None:
    result = CliRunner().invoke(app, [verb, "--colour"])
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "words",
    [
        *(["evaluate"], ["resume"], ["generate"], ["reproduce"], ["predict", "x.csv"]),
        ["export", "--format", "onnx"],
    ],
    ids=lambda words: words[0],
)
def test_folder_that_is_no_run_is_explained_by_every_verb_on_a_run(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["seedbed", words[0], str(tmp_path), *words[1:]])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"{tmp_path} is not a run: it has no config.yaml.\n"
