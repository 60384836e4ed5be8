from pathlib import Path
from typing import Any

import pytest
from fixtures import Command
from typer.testing import CliRunner

from seedbed.cli.main import app
from seedbed.errors import FetchError, MirrorsError


def test_fetch_brings_what_is_named_and_says_where_it_is(
    seedbed: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDBED_DATA_DIR", "")  # so that it is set back
    called = seedbed("fetch", "parcel", "--data-dir", tmp_path)
    assert (called.status, called.out) == (0, f"parcel: {tmp_path / 'parcel'}\n")
    assert (tmp_path / "parcel").is_dir()


def test_fetch_of_anything_else_names_what_there_is(seedbed: Command) -> None:
    called = seedbed("fetch", "parcels")
    assert (called.status, called.err) == (2, "parcels: nothing to fetch; did you mean parcel?\n")


@pytest.mark.parametrize(("error", "status"), [(MirrorsError("none"), 3), (FetchError("full"), 1)])
def test_fetch_without_a_mirror_that_delivers_has_a_status_of_its_own(
    error: Exception, status: int, seedbed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(data: Any) -> Path:
        raise error

    monkeypatch.setattr("stubs.data.Parcel.fetch", fails)
    called = seedbed("fetch", "parcel")
    assert (called.status, called.err) == (status, f"{error}\n")


# --- completion ---------------------------------------------------------------------------------


def test_completion_is_installed_and_completes_verbs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda *_: ("bash", "/bin/bash"))
    words = ["--install-completion"]
    result = CliRunner().invoke(app, words, prog_name="seedbed", env={"HOME": str(tmp_path)})
    assert result.exit_code == 0, result.output
    script = tmp_path / ".bash_completions" / "seedbed.sh"
    assert str(script) in (tmp_path / ".bashrc").read_text()
    asked = {"_SEEDBED_COMPLETE": "complete_bash", "COMP_WORDS": "seedbed re", "COMP_CWORD": "1"}
    found = CliRunner().invoke(app, [], prog_name="seedbed", env=asked)
    assert found.output.split() == ["resume", "report", "reproduce", "remove"]


# --- all verbs ------------------------------------------------------------------------------------

every_verb = pytest.mark.parametrize(
    "verb",
    [
        command.callback.__name__.replace("_", "-")
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
        *(["report"], ["evaluate"], ["resume"], ["generate"], ["reproduce"], ["predict", "x.csv"]),
        ["export", "--format", "onnx"],
    ],
    ids=lambda words: words[0],
)
def test_folder_of_runs_in_place_of_one_is_explained_by_every_verb_on_a_run(
    words: list[str], tmp_path: Path, seedbed: Command
) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0/config.yaml").touch()
    called = seedbed(words[0], tmp_path, *words[1:])
    problem = f"{tmp_path} is not a run: it has no config.yaml. Runs are in it, as 0: "
    assert (called.status, called.err.startswith(problem)) == (2, True)
    assert called.err.endswith(f"seedbed compare {tmp_path} ranks them.\n")
