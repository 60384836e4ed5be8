"""`python train.py -m …` as a user has it: processes that are killed, interrupted, and go on."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest
from copied import called, copied, python

from seedbed.config.compose import composed, plain
from seedbed.errors import RunError
from seedbed.project import ROOT
from seedbed.record.directory import RunDirectory
from seedbed.sweep import ledger
from seedbed.sweep.ledger import Ledger

pytestmark = pytest.mark.slow

TRAIN = ROOT / "train.py"
SMALL = ("data.held_out=50", "logger=csv", "callbacks.checkpoints.every_seconds=0")
ENDLESS = "max_epochs=1000000,1000001"

KILLED_IN_THE_THIRD_JOB = """
import os, runpy, signal, sys
from seedbed.tasks.regression import RegressionTask as Task

step, calls = Task.training_step, []

def killed(task, batch):
    calls.append(batch)
    if len(calls) == 28:  # of jobs of 10 steps each
        os.kill(os.getpid(), signal.SIGKILL)
    return step(task, batch)

Task.training_step = killed
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def started(folder: Path, *arguments: str, code: str = "") -> subprocess.Popen[str]:
    """A sweep in a folder, as a process of its own."""
    words = [*(["-c", code] if code else []), str(TRAIN), "-m", *SMALL, *arguments]
    return subprocess.Popen(
        [sys.executable, *words, f"hydra.sweep.dir={folder}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Its exit status, and what it printed."""
    printed, errors = process.communicate(timeout=600)
    return process.returncode, printed, errors


def runs(folder: Path) -> list[RunDirectory]:
    """Its jobs in the order they were begun."""
    files = sorted(folder.glob("*/config.yaml"), key=lambda file: file.stat().st_mtime_ns)
    return [RunDirectory(file.parent) for file in files]


def states(folder: Path) -> list[str]:
    return [run.state() for run in runs(folder)]


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    limit = time.monotonic() + 300
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.1)


def saved(folder: Path, count: int) -> bool:
    """Whether so many jobs run, and have saved already."""
    return sum(run.last.exists() for run in runs(folder)) == count


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_same_command_goes_on_in_the_same_place_among_the_logs(tmp_path: Path) -> None:
    project = copied(tmp_path / "project", ROOT)
    words = ["train.py", "-m", *SMALL, "max_epochs=2", "optimizer.lr=0.01,0.02"]
    for jobs in (2, 0):
        printed = called(project, *words)
        [folder] = (project / "logs" / "sweeps").iterdir()
        assert printed.startswith(f"sweep: {folder}\n")
        assert printed.count("/2  optimizer.lr=") == jobs
        assert states(folder) == ["finished"] * 2
    assert re.fullmatch("dots-[0-9a-f]{8}", folder.name)


def test_sweep_killed_in_its_third_job_trains_what_is_missing(tmp_path: Path) -> None:
    rates = "optimizer.lr=0.001,0.002,0.003,0.004,0.005,0.006"
    killed = started(tmp_path, rates, "max_epochs=10", code=KILLED_IN_THE_THIRD_JOB)
    assert ended(killed)[0] == -signal.SIGKILL
    assert states(tmp_path) == ["finished", "finished", "interrupted"]
    files = [path for run in runs(tmp_path)[:2] for path in run.path.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}

    status, printed, errors = ended(started(tmp_path, rates, "max_epochs=10"))
    assert (status, errors) == (0, "")
    assert states(tmp_path) == ["finished"] * 6
    assert {path: path.read_bytes() for path in files} == before
    assert "resuming at step 7" in runs(tmp_path)[2].log_file.read_text()
    assert [line[:3] for line in printed.splitlines() if "/6  " in line] == [
        "3/6",
        "4/6",
        "5/6",
        "6/6",
    ]
    with (tmp_path / "results.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 6


def test_search_that_was_killed_ends_with_the_trials_of_one_that_was_not(tmp_path: Path) -> None:
    search = ("algorithm=tpe", "trials=12", "pruning=true", "max_epochs=10")
    rates = "optimizer.lr=tag(log,interval(1e-4,0.02))"
    assert ended(started(tmp_path / "whole", *search, rates))[0] == 0
    killed = started(tmp_path / "killed", *search, rates, code=KILLED_IN_THE_THIRD_JOB)
    assert ended(killed)[0] == -signal.SIGKILL
    assert ended(started(tmp_path / "killed", *search, rates))[0] == 0
    whole, resumed = (
        [(run.path.name, run.metrics(), run.status().get("pruned")) for run in runs(folder)]
        for folder in (tmp_path / "whole", tmp_path / "killed")
    )
    assert resumed == whole
    assert any(pruned for *_, pruned in whole)


def test_best_settings_reproduce_the_winners_metrics(tmp_path: Path) -> None:
    status, printed, _ = ended(started(tmp_path, "optimizer.lr=0.001,0.01", "max_epochs=5"))
    assert status == 0
    assert f"best:   python train.py --config-dir {tmp_path} experiment=best" in printed
    again = tmp_path / "again"
    command = (TRAIN, "--config-dir", tmp_path, "experiment=best", f"hydra.run.dir={again}")
    assert python(*command, cwd=tmp_path).returncode == 0
    winner = min(runs(tmp_path)[:2], key=lambda run: run.metrics()["val/loss"])
    assert RunDirectory(again).metrics() == winner.metrics()
    assert RunDirectory(again).config() == winner.config() | {"test": True}


def test_report_says_what_the_jobs_own_logs_say(tmp_path: Path) -> None:
    assert ended(started(tmp_path, "optimizer.lr=0.002,0.01", "max_epochs=4", "seeds=3"))[0] == 0
    losses: dict[float, list[float]] = {}
    for run in runs(tmp_path):
        with (run.path / "metrics.csv").open(newline="") as file:
            column = [float(row["val/loss"]) for row in csv.DictReader(file) if row["val/loss"]]
        losses.setdefault(run.config()["optimizer"]["lr"], []).append(min(column))
    expected = sorted((mean(x), stdev(x)) for x in losses.values())
    done = python("-m", "seedbed", "compare", tmp_path, "--json")
    groups = [group["metrics"]["val/loss"] for group in json.loads(done.stdout)["groups"]]
    assert [(g["mean"], g["deviation"]) for g in groups] == [
        (pytest.approx(m, rel=1e-12), pytest.approx(s, rel=1e-12)) for m, s in expected
    ]
    assert [group["count"] for group in groups] == [3, 3]
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = [float(row["val/loss"]) for row in csv.DictReader(file)]
    assert sorted(rows) == sorted(x for each in losses.values() for x in each)


def test_killed_worker_loses_its_job_alone(tmp_path: Path) -> None:
    process = started(tmp_path, "max_epochs=1000000,5,6", "workers=2")
    wait_until(lambda: sorted(states(tmp_path)) == ["finished", "finished", "running"], process)
    [endless] = [run for run in runs(tmp_path) if run.state() == "running"]
    os.kill(endless.status()["pid"], signal.SIGKILL)
    status, printed, errors = ended(process)
    assert status == 1
    assert "FAILED: max_epochs=1000000: the process was killed by SIGKILL" in printed
    assert f"failed: {endless.path}: the process was killed by SIGKILL" in printed
    assert errors.startswith("1 of 3 jobs failed.")
    assert (printed + errors).count("killed by SIGKILL") == 2  # at once, and below the ranking
    assert sorted(states(tmp_path)) == ["failed", "finished", "finished"]


def test_workers_have_a_share_of_the_cores_each(tmp_path: Path) -> None:
    process = started(tmp_path, ENDLESS, "workers=2")
    try:
        wait_until(lambda: saved(tmp_path, 2), process)
        shares = [os.sched_getaffinity(run.status()["pid"]) for run in runs(tmp_path)]
    finally:
        process.send_signal(signal.SIGINT)
        ended(process)
    cores = os.sched_getaffinity(0)
    assert all(share <= cores and len(share) == max(1, len(cores) // 2) for share in shares)
    assert len(cores) == 1 or not shares[0] & shares[1]


def test_ctrl_c_has_all_workers_save_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = started(tmp_path, ENDLESS, "workers=2")
    wait_until(lambda: saved(tmp_path, 2), process)
    with pytest.raises(RunError, match="in use by another sweep"), Ledger(tmp_path).claimed():
        pass
    pids = [run.status()["pid"] for run in runs(tmp_path)]
    process.send_signal(signal.SIGINT)
    status, printed, errors = ended(process)
    assert (status, errors) == (130, "")
    assert printed.endswith(f"Interrupted. To go on: {Ledger(tmp_path).resume_command}\n")
    assert states(tmp_path) == ["interrupted", "interrupted"]
    assert not any(map(is_alive, pids))


def test_workers_of_a_killed_sweep_save_and_end(tmp_path: Path) -> None:
    process = started(tmp_path, ENDLESS, "workers=2")
    wait_until(lambda: saved(tmp_path, 2), process)
    pids = [run.status()["pid"] for run in runs(tmp_path)]
    process.kill()
    process.communicate()
    limit = time.monotonic() + 60
    while any(map(is_alive, pids)):
        assert time.monotonic() < limit, "they go on"
        time.sleep(0.2)
    assert [run.status()["state"] for run in runs(tmp_path)] == ["interrupted", "interrupted"]


def test_job_that_outlived_its_sweep_saves_and_ends_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger(tmp_path).open({}, [], fresh=False)
    Ledger(tmp_path).note([{}])
    run = Ledger(tmp_path).job({}).run
    RunDirectory.create(run.path, plain(composed([*SMALL, "max_epochs=1000000"])))
    process = subprocess.Popen(run.execute_command, stdout=subprocess.PIPE, text=True)
    wait_until(run.last.exists, process)
    monkeypatch.setattr(ledger, "GRACE", 0.0)
    try:
        Ledger(tmp_path).open({}, [], fresh=False)
        assert run.state() == "interrupted"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "where",
    [["workers=2"], ["hydra/launcher=slurm", "hydra.launcher.cluster=local"]],
    ids=["workers", "submitted"],
)
def test_resume_takes_no_module_from_where_a_sweep_was_started(
    where: list[str], plan_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep, evil = tmp_path / "sweep", tmp_path / "evil"
    for module in ("seedbed", "submitit"):
        (evil / module).mkdir(parents=True)
        (evil / module / "__init__.py").write_text("raise SystemExit('this is evil')")
    sweep.mkdir()
    settings = [*SMALL, "max_epochs=2,3"]
    monkeypatch.chdir(evil)
    Ledger(sweep).open(plan_of(*settings).identity, ["-m", *settings, *where], fresh=False)
    assert python("-P", "-m", "seedbed", "resume", sweep).returncode == 0
    assert states(sweep) == ["finished", "finished"]


def test_resume_takes_up_the_sweep_wherever_it_lies_now_and_adds_trials(tmp_path: Path) -> None:
    search = ("algorithm=random", "optimizer.lr=interval(0,0.02)", "max_epochs=3")
    assert ended(started(tmp_path / "old", *search, "trials=1"))[0] == 0
    moved = (tmp_path / "old").rename(tmp_path / "new place")
    done = python("-m", "seedbed", "resume", "new place", "trials=2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert states(moved) == ["finished", "finished"]
    assert not (tmp_path / "old").exists()


def test_mistakes_in_a_sweep_are_explained_and_leave_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    status, printed, errors = ended(started(folder, "optimizer=sgd,adm", "optimizer.lr=1,abc"))
    assert (status, printed) == (2, "")
    assert "optimizer=adm: no such optimizer; did you mean adam" in errors
    assert "optimizer.lr=abc: expected a number, got a text." in errors
    assert not folder.exists()
