"""`python train.py` as a user has it: files, messages and exit statuses.

Two runs are processes of their own; where only a message and the files count, the same script
runs inside this one, because starting torch takes longer than the rest.
"""

import json
import os
import runpy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from copied import python

from seedbed.config.compose import composed
from seedbed.project import ROOT

TRAIN = ROOT / "train.py"


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return python(TRAIN, *arguments)


class Script:
    """Runs train.py within this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, folder: Path, *arguments: str) -> tuple[int, str]:
        """The exit status, and what the user reads about it."""
        argv = [str(TRAIN), f"hydra.run.dir={folder}", *arguments]
        self._monkeypatch.setattr(sys, "argv", argv)
        self._monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
        with pytest.raises(SystemExit) as caught:
            runpy.run_path(str(TRAIN), run_name="__main__")
        assert isinstance(caught.value.code, int)
        return caught.value.code, self._capsys.readouterr().err


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Script:
    return Script(monkeypatch, capsys)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "run"


@pytest.fixture(scope="module")
def line(folder: Path) -> subprocess.CompletedProcess[str]:
    return process(f"hydra.run.dir={folder}")


def read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def test_command_without_arguments_trains_the_line(
    line: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert line.returncode == 0
    assert line.stdout.startswith("experiment  dots, seed 42\n")
    assert torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 100


def test_last_line_names_the_runs_directory(
    line: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert line.stdout.splitlines()[-1] == f"run: {folder}"


def test_training_warns_of_nothing(line: subprocess.CompletedProcess[str]) -> None:
    assert line.stderr == ""


def test_run_directory_holds_the_whole_run(
    line: subprocess.CompletedProcess[str], folder: Path
) -> None:
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    events = {name for name in files if name.startswith("tensorboard/events.out.tfevents")}
    assert events
    assert files - events == {
        ".lock",
        "config.yaml",
        "provenance.json",
        "status.json",
        "metrics.json",
        "metrics.csv",
        "batches.csv",
        "layers.csv",
        "doctor.json",
        "predictions.csv",
        "test_rows.csv",
        "train.log",
        "tensorboard/hparams.yaml",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
    }


def test_metrics_are_of_all_three_parts(
    line: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert {"train/loss", "val/loss", "val/mae", "val/r2", "test/loss", "test/mae", "test/r2"} <= (
        set(read_json(folder / "metrics.json"))
    )


def test_line_is_learnt_to_its_noise(line: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert 1.0 < read_json(folder / "metrics.json")["test/loss"] < 1.3


def test_provenance_says_where_the_run_came_from(
    line: subprocess.CompletedProcess[str], folder: Path
) -> None:
    found = read_json(folder / "provenance.json")
    assert found["command"] == [sys.executable, str(TRAIN), f"hydra.run.dir={folder}"]
    assert (found["seed"], found["precision"], found["threads"]) == (42, "32-true", 1)
    assert found["data"]["source"] == "drawn"
    assert set(found["git"]) == {"commit", "diff", "untracked"}
    assert {"python", "torch", "lightning", "hydra-core", "seedbed"} <= set(found["versions"])
    assert found["hardware"]["cores"] == os.cpu_count()


def test_log_file_has_what_the_terminal_showed(
    line: subprocess.CompletedProcess[str], folder: Path
) -> None:
    logged = (folder / "train.log").read_text(encoding="utf-8")
    assert [text for text in line.stdout.splitlines() if text not in logged] == []


def test_wrong_settings_are_explained_and_leave_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = process(f"hydra.run.dir={folder}", "optimizer.lrr=1", "net=mlpp", "seed=null")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    for name in ("optimizer.lrr", "net=mlpp", "seed=null"):
        assert f"{name}: " in done.stderr
    assert not folder.exists()


def test_value_that_hydra_lets_pass_is_explained_and_leaves_nothing(
    script: Script, tmp_path: Path
) -> None:
    status, message = script(tmp_path / "run", "optimizer.lr=abc")
    assert (status, message) == (2, "optimizer.lr=abc: expected a number, got a text.\n")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("hydra.verbose=5", "hydra.verbose=5: expected true or"),
        ("hydra.job_logging.root=3", "Unable"),
    ],
)
def test_log_that_hydra_cannot_set_up_is_explained(
    setting: str, expected: str, tmp_path: Path
) -> None:
    done = process(f"hydra.run.dir={tmp_path / 'run'}", setting)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(expected)


@pytest.mark.parametrize("below", ["", "run"])
def test_directory_that_cannot_be_made_is_explained(
    below: str, script: Script, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / below
    status, message = script(place)
    assert status == 2
    assert message.startswith(f"hydra.run.dir={place}: cannot be made (")


def test_missing_data_file_is_explained(script: Script, tmp_path: Path) -> None:
    language = ["data=text", "task=language", "net=gpt"]
    missing = tmp_path / "poems.txt"
    status, message = script(tmp_path / "run", *language, f"data.path={missing}")
    assert status == 2
    assert message == f"{missing}: cannot be read (No such file or directory). Check data.path.\n"
    assert read_json(tmp_path / "run" / "status.json")["state"] == "failed"


def test_diverged_fit_is_explained_with_another_status(script: Script, tmp_path: Path) -> None:
    status, message = script(tmp_path / "run", "optimizer.lr=1e6")
    assert status == 1
    assert "loss is " in message
    assert "Traceback" not in message


def test_second_start_into_a_directory_is_refused_and_leaves_the_first(
    line: subprocess.CompletedProcess[str], folder: Path, script: Script
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    status, message = script(folder, "seed=2")
    assert status == 2
    assert message.startswith(f"{folder} already holds a run.")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_twenty_starts_in_a_second_get_twenty_directories() -> None:
    folders = {composed([]).hydra.run.dir for _ in range(20)}
    assert len(folders) == 20


def test_one_start_has_one_directory() -> None:
    config = composed([])
    assert config.hydra.run.dir == config.hydra.run.dir


@pytest.mark.slow
def test_eight_processes_at_once_get_eight_directories() -> None:
    def directory(_: int) -> str:
        return process("--cfg", "all", "--resolve", "--package", "hydra.run").stdout

    with ThreadPoolExecutor(8) as pool:
        shown = list(pool.map(directory, range(8)))
    assert all(f"dir: {ROOT}/logs/regression/dots/" in text for text in shown)
    assert len(set(shown)) == 8
