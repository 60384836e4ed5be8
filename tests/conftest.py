"""What all tests share: run directories as a run leaves them, without a run."""

import csv
import gc
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from fixtures import Called, Command, MakeRun
from stub_project import PROJECT  # first of all: where the project is, the frame asks at import

from seedbed.cli.main import main
from seedbed.project import ROOT

assert ROOT == PROJECT
# The nets here are tiny: a second thread would cost more than it does, most of all beside others.
torch.set_num_threads(1)
# Tests hang up on themselves and on what they start, also where they were started by `nohup`.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def own_module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a configuration name the classes of the test's module, as of a project's package."""
    name: str = request.module.__name__
    packages = ("seedbed", "stubs", name)
    monkeypatch.setattr("seedbed.config.targets.own_packages", lambda: packages)
    return name


@pytest.fixture
def seedbed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Calls the command as a shell would, but in this process."""

    def call(*words: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["seedbed", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        gc.unfreeze()  # what a process of its own would not outlive
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Called(int(left.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which nothing may be left."""
    (tmp_path / "outside").mkdir()
    monkeypatch.chdir(tmp_path / "outside")
    return tmp_path / "outside"


@pytest.fixture(scope="session")
def write_run() -> MakeRun:
    """Write a run's files: `val` is its validation losses, the first before any training."""

    def write(
        folder: Path,
        val: Sequence[float],
        *,
        state: str = "finished",
        optimizer: dict[str, Any] | None = None,
        error: str = "",
        **top: Any,
    ) -> Path:
        folder.mkdir(parents=True)
        config = {
            "experiment_name": "dots",
            "seed": 1,
            "max_steps": 10,
            "monitor": "val/loss",
            "mode": "min",
            **top,
        }
        config |= {
            "data": {"_target_": "stubs.data.Dots", "seed": config["seed"]},
            "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.01, **(optimizer or {})},
            "trainer": {"max_steps": config["max_steps"]},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        with (folder / "metrics.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", "val/loss", "epoch", "train/loss"])
            for step, loss in enumerate(val):
                writer.writerow([step, loss, max(step - 1, 0), loss / 2 if step else ""])
        status = {
            "state": state,
            "started": "2026-01-31T12:00:00+00:00",
            "ended": "2026-01-31T12:01:05+00:00",
        }
        if error:
            status["error"] = error
        (folder / "status.json").write_text(json.dumps(status))
        if state == "finished":
            best = min(val)
            metrics = {"train/loss": best / 2, "val/loss": best, "test/loss": best * 2}
            (folder / "metrics.json").write_text(json.dumps(metrics))
        command = {"command": ["/home/me/python", "train.py", f"seed={config['seed']}"]}
        (folder / "provenance.json").write_text(json.dumps(command))
        return folder

    return write


@pytest.fixture
def make_run(write_run: MakeRun, tmp_path: Path) -> MakeRun:
    """Write a run of that name below the test's own folder."""
    return lambda name, val, **more: write_run(tmp_path / "runs" / name, val, **more)
