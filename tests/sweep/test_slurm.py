"""Jobs submitted through submitit: to this machine, and to Slurm where there is one."""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seedbed.config.overrides import readable
from seedbed.errors import RunError, SettingError, SweepError
from seedbed.project import ROOT
from seedbed.record.directory import RunDirectory, typed
from seedbed.sweep import resume, slurm
from seedbed.sweep import run as module
from seedbed.sweep.configs import Configs
from seedbed.sweep.ledger import Ledger
from seedbed.sweep.slurm import Slurm

SETTINGS: dict[str, Any] = {
    "cluster": "slurm",
    "partition": None,
    "account": None,
    "qos": None,
    "timeout_min": 10,
    "cpus_per_task": 1,
    "gpus_per_node": 0,
    "mem_gb": None,
    "additional_parameters": {},
}
LOCAL = SETTINGS | {"cluster": "local"}
RATES = "optimizer.lr=0.001,0.002,0.003"
ENDLESS = ("max_epochs=1000000,5", "callbacks.checkpoints.every_seconds=0")

has_slurm = pytest.mark.skipif(shutil.which("sbatch") is None, reason="needs Slurm")


@pytest.fixture
def submitted(sweep: Any, plan_of: Any, compose_of: Any) -> Callable[..., None]:
    """A sweep with jobs elsewhere, of which two may run at a time."""

    def run(*overrides: str, cluster: dict[str, Any] = LOCAL) -> None:
        plan = plan_of(*overrides, workers=2)
        module.run(plan, sweep.folder, compose_of, command=[], cluster=cluster)

    return run


@pytest.fixture
def prompt_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is never behind."""
    monkeypatch.setattr(slurm, "LAG", 0.0)


def test_every_wrong_setting_is_reported() -> None:
    wrong = SETTINGS | {"cluster": "pbs", "timeout_min": 1.5, "partion": "gpu"}
    del wrong["qos"]
    with pytest.raises(SettingError) as caught:
        Slurm(1, Path(), wrong)
    assert str(caught.value).splitlines() == [
        "hydra.launcher.cluster=pbs: expected slurm or local, got a text.",
        "hydra.launcher.timeout_min=1.5: expected a whole number, got a number.",
        "hydra.launcher.partion: no such setting; did you mean partition?",
        "hydra.launcher.qos: is missing.",
    ]


def test_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"submitit is not installed; pip .* '\.\[slurm\]'"):
        Slurm(1, Path(), LOCAL)


def test_machine_without_slurm_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingError, match="no srun on this machine"):
        Slurm(1, tmp_path, SETTINGS)


def test_launcher_makes_a_sweep_of_one_run() -> None:
    assert readable(["hydra/launcher=slurm", "workers=3"]) == [
        "hydra/launcher=slurm",
        "hydra.sweeper.workers=3",
        "hydra.mode=MULTIRUN",
    ]


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_job_for_a_gpu_and_a_compiler_is_not_asked_of_this_machine(
    plan_of: Any, compose_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    plan = plan_of("trainer=gpu", "compile=true")
    Configs(plan, compose_of, elsewhere=True).check([{}])
    with pytest.raises(SettingError, match=r"torch finds none(.|\n)*no no-such-compiler"):
        Configs(plan, compose_of).check([{}])


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """What `seedbed resume` types for a sweep begun with `-m` and another argument."""
    typed: list[str] = []
    monkeypatch.setattr(os, "execve", lambda _, arguments, __: typed.extend(arguments))

    def resumed(argument: str) -> list[str]:
        Ledger(tmp_path).open({}, ["-m", argument], fresh=True)
        resume.resume(tmp_path)
        return typed

    return resumed


def test_resume_goes_on_where_the_sweep_ran(command_line: Callable[[str], list[str]]) -> None:
    for argument in ("hydra/launcher=slurm", "hydra.launcher.partition=gpu", "hydra.mode=MULTIRUN"):
        assert argument in command_line(argument)


@pytest.mark.parametrize(
    "argument",
    [
        "hydra/launcher=../mine",
        "hydra.launcher.partition=a\nrm",
        "+hydra.launcher.setup=rm",
        "hydra.launcher.additional_parameters={output:x}",
    ],
)
def test_resume_refuses_what_could_run_code(
    argument: str, command_line: Callable[[str], list[str]]
) -> None:
    with pytest.raises(RunError, match="could run any code"):
        command_line(argument)


def test_command_to_go_on_is_the_whole_one_where_resume_would_refuse_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.open({}, ["-m", "seed=1,2"], fresh=False)
    assert ledger.resume_command == typed("resume", str(tmp_path))
    ledger.open({}, ["-m", "--config-dir", "my conf", "experiment=mine"], fresh=False)
    whole = "python train.py -m --config-dir 'my conf' experiment=mine"
    assert ledger.resume_command == f"{whole} 'hydra.sweep.dir=\"{tmp_path}\"'"


@pytest.fixture
def refusing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Slurm that keeps what is submitted, and takes none of it."""
    kept = tmp_path / "batch.sh"
    programs = {"sbatch": f'cp "$1" {kept}; echo "sbatch: error: no such partition" >&2; exit 1'}
    for name, script in (programs | {"srun": "exit 1"}).items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    return kept


def test_job_that_slurm_refuses_fails_with_what_it_says(
    submitted: Any, sweep: Any, refusing: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SweepError, match="3 of 3 jobs failed"):
        submitted(RATES, cluster=SETTINGS)
    assert "FAILED: optimizer.lr=0.003: sbatch: error: no such partition" in capsys.readouterr().out
    assert sweep.states() == ["failed"] * 3


def test_batch_script_asks_for_what_the_settings_say(submitted: Any, refusing: Path) -> None:
    given = {"partition": "gpu", "gpus_per_node": 2, "additional_parameters": {"nodelist": "n7"}}
    with pytest.raises(SweepError):
        submitted("optimizer.lr=0.001", cluster=SETTINGS | given)
    options = [line for line in refusing.read_text().splitlines() if line.startswith("#SBATCH")]
    assert {
        "#SBATCH --partition=gpu",
        "#SBATCH --gpus-per-node=2",
        "#SBATCH --cpus-per-task=1",
        "#SBATCH --time=10",
        "#SBATCH --nodelist=n7",
        "#SBATCH --job-name=sweep",
        "#SBATCH --signal=TERM@90",
        "#SBATCH --no-requeue",
    } <= set(options)
    assert not any("--mem" in option or "--account" in option for option in options)


@pytest.mark.slow
def test_submitted_jobs_have_the_results_of_jobs_here(
    submitted: Any, sweep: Any, tmp_path: Path
) -> None:
    submitted(RATES)
    here = type(sweep)(tmp_path / "here")
    here(RATES)
    found, expected = (
        {run.path.name: run.metrics()["val/loss"] for run in each.runs()} for each in (sweep, here)
    )
    assert found == {name: pytest.approx(value, rel=1e-6) for name, value in expected.items()}


def has_saved(run: RunDirectory) -> bool:
    return run.last.exists()


def has_resumed(run: RunDirectory) -> bool:
    return "resuming at step" in run.log_file.read_text() and run.status()["state"] == "running"


def once(
    ready: Callable[[RunDirectory], bool], sweep: Any, act: Callable[[RunDirectory], None]
) -> threading.Thread:
    """Do something to the endless job."""

    def wait() -> None:
        limit = time.monotonic() + 120
        while time.monotonic() < limit:
            for run in sweep.runs():
                if run.config()["max_epochs"] == 1_000_000 and ready(run):
                    act(run)
                    return
            time.sleep(0.1)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.slow
def test_killed_job_is_reported_alone_and_goes_on_by_the_same_command(
    submitted: Any, sweep: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    killing = once(has_saved, sweep, lambda run: os.kill(run.status()["pid"], signal.SIGKILL))
    with pytest.raises(SweepError, match="1 of 2 jobs failed"):
        submitted(*ENDLESS)
    killing.join()
    printed = capsys.readouterr().out
    assert "FAILED: max_epochs=1000000: the process was killed by SIGKILL" in printed
    assert sorted(sweep.states()) == ["failed", "finished"]
    stopping = once(has_resumed, sweep, lambda run: os.kill(run.status()["pid"], signal.SIGTERM))
    with pytest.raises(SweepError):
        submitted(*ENDLESS)
    stopping.join()
    assert "it was ended: by its time limit" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")
def test_job_lost_with_its_node_is_reported(
    submitted: Any, sweep: Any, prompt_disk: None, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose(run: RunDirectory) -> None:
        pid = run.status()["pid"]
        for process in (parent(pid), pid):
            os.kill(process, signal.SIGKILL)

    losing = once(has_saved, sweep, lose)
    with pytest.raises(SweepError, match="1 of 2 jobs failed"):
        submitted(*ENDLESS)
    losing.join()
    assert " ended without a result" in capsys.readouterr().out


@pytest.mark.slow
def test_ctrl_c_has_submitted_jobs_save_and_says_how_to_go_on(tmp_path: Path, sweep: Any) -> None:
    command = [sys.executable, str(ROOT / "train.py"), *ENDLESS, "logger=csv", "workers=2"]
    where = ["hydra/launcher=slurm", "hydra.launcher.cluster=local", "data.held_out=50"]
    process = subprocess.Popen(
        [*command, *where, f"hydra.sweep.dir={sweep.folder}"], stdout=subprocess.PIPE, text=True
    )
    interrupting = once(has_saved, sweep, lambda _: process.send_signal(signal.SIGINT))
    printed, _ = process.communicate(timeout=300)
    interrupting.join()
    assert process.returncode == 130
    hint = f"Interrupted. To go on: {Ledger(sweep.folder).resume_command}\n"
    assert printed.endswith(hint)
    assert "interrupted" in sweep.states()
    assert "running" not in sweep.states()


@has_slurm
@pytest.mark.slow
def test_slurm_trains_what_is_submitted_and_a_canceled_job_is_reported(
    submitted: Any, sweep: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    def cancel(run: RunDirectory) -> None:
        while "finished" not in sweep.states():
            time.sleep(1)
        for script in sweep.folder.glob(".submitit-*/*_submission.sh"):
            subprocess.run(["scancel", script.name.partition("_")[0]], check=True)

    canceling = once(has_saved, sweep, cancel)
    with pytest.raises(SweepError, match="1 of 2 jobs failed"):
        submitted(*ENDLESS, cluster=SETTINGS)
    canceling.join()
    assert sorted(sweep.states()) == ["failed", "finished"]
