import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra.errors import HydraException

from seedbed.cli.shell import explained
from seedbed.errors import DataError, FetchError, MirrorsError, SeedbedError


@pytest.mark.parametrize(
    ("error", "status"),
    [(DataError("x"), 2), (FetchError("x"), 1), (MirrorsError("x"), 3), (KeyboardInterrupt(), 130)],
)
def test_error_of_a_user_sets_the_exit_status(error: BaseException, status: int) -> None:
    with pytest.raises(SystemExit) as caught, explained():
        raise error
    assert caught.value.code == status


@pytest.mark.parametrize("arguments", [["seed=1,2"], ["-m", "seed=1,2"]])
def test_bug_within_a_run_is_not_taken_for_a_wrong_setting(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    with pytest.raises(ValueError, match="a bug"), explained():
        int("a bug")


def test_error_of_hydras_in_a_multirun_does_not_advise_a_multirun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "seed=1,2", "optimizer.lrr=1"])
    with pytest.raises(SystemExit), explained():
        raise HydraException("Could not override 'optimizer.lrr'.")
    assert capsys.readouterr().err == (
        "optimizer.lrr: no such setting; did you mean optimizer.lr?\n"
    )


@pytest.mark.parametrize("files", [[], ["config.yaml"]])
def test_empty_folder_of_a_failed_start_is_taken_away(files: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in files:
        (folder / name).touch()
    with pytest.raises(SystemExit), explained(folder):
        raise SeedbedError("x")
    assert folder.exists() == bool(files)


def test_other_error_of_the_systems_is_not_taken_for_a_wrong_place() -> None:
    with pytest.raises(FileNotFoundError), explained():
        Path("nowhere", "at all").mkdir()


def test_current_folder_that_was_removed_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SystemExit), explained():
        Path.cwd()
    assert capsys.readouterr().err.startswith("The current folder has been removed; ")


def test_name_that_is_too_long_for_a_file_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), explained():
        Path("n" * 300).exists()
    assert capsys.readouterr().err == f"{'n' * 300}: cannot be used (File name too long).\n"


def test_current_folder_is_not_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit), explained(tmp_path):
        raise SeedbedError("x")
    assert tmp_path.exists()


def allocates() -> None:
    torch.empty(10**13)


def takes_all() -> None:
    raise MemoryError


@pytest.mark.parametrize("code", [allocates, takes_all])
def test_memory_that_is_not_there_is_reported(
    code: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit), explained():
        code()
    said = capsys.readouterr().err
    assert said.startswith("Out of memory (")
    assert said.count("\n") == 1


def test_hydras_own_words_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    with explained():
        assert os.environ["HYDRA_FULL_ERROR"] == "1"
