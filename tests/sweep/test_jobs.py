"""Workers and their GPUs; of their cores `test_sweep_command.py` tells."""

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from seedbed.compose import composed, plain
from seedbed.errors import SettingError
from seedbed.runs.directory import RunDirectory
from seedbed.sweep import jobs
from seedbed.sweep.jobs import ERRORS, Ended, Processes, divided, pool_of


def test_each_worker_has_as_many_gpus_as_its_job_uses_and_no_other_has_them() -> None:
    assert divided(["0", "1", "2", "3", "4"], 2, 2) == ["0,1", "2,3"]
    assert divided(["GPU-a", "GPU-b"], 2, 1) == ["GPU-a", "GPU-b"]


@pytest.mark.parametrize(
    ("gpus", "count", "fitting"), [(["0"], 1, 1), (["0", "1", "2"], 2, 1), (["0", "1"], 4, 1)]
)
def test_too_few_gpus_are_told_with_the_workers_that_fit(
    gpus: list[str], count: int, fitting: int
) -> None:
    told = (
        f"workers=2: a job has {count} of the {len(gpus)} GPUs to itself; choose workers={fitting}"
    )
    with pytest.raises(SettingError, match=told):
        divided(gpus, 2, count)


def test_job_of_several_processes_asks_for_a_gpu_each(
    compose_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_gpus", lambda: ["0", "1", "2"])
    one, two = (plain(compose_of(words)) for words in ([], ["trainer=ddp", "trainer.devices=2"]))
    assert isinstance(pool_of(3, [one], Path()), Processes)
    with pytest.raises(SettingError, match="a job has 2 of the 3 GPUs to itself"):
        pool_of(2, [one, two], Path())
    two["trainer"]["accelerator"] = "cpu"
    assert isinstance(pool_of(3, [one, two], Path()), Processes)


SMALL = ("data.held_out=50", "logger=csv", "callbacks.checkpoints.every_seconds=0")


def run_of(folder: Path, *words: str) -> RunDirectory:
    """A run of the line, not begun."""
    return RunDirectory.create(folder, plain(composed([*SMALL, *words])))


@pytest.mark.slow
def test_worker_takes_job_after_job_until_one_fails(tmp_path: Path) -> None:
    settings = ("max_epochs=2", "max_epochs=3", "optimizer.lr=1e30", "max_epochs=4")
    runs = [run_of(tmp_path / f"{i}", words) for i, words in enumerate(settings)]
    pool = Processes(1)
    told = []
    for run in runs:
        pool.start(run.path)
        told.append(pool.wait())
    pool.stop()
    assert [run.state() for run in runs] == ["finished", "finished", "failed", "finished"]
    assert [bool(ended.error) for ended in told] == [False, False, True, False]
    pids = [run.status()["pid"] for run in runs]
    assert pids[0] == pids[1] == pids[2] != pids[3]
    assert [(run.path / ERRORS).exists() for run in runs] == [False, False, True, False]
    assert all(run.provenance()["command"] == run.execute_command for run in runs)


@pytest.mark.slow
def test_worker_that_was_killed_between_two_jobs_is_replaced(tmp_path: Path) -> None:
    pool = Processes(1)
    runs = [run_of(tmp_path / f"{i}", "max_epochs=2") for i in range(2)]
    for run in runs:
        pool.start(run.path)
        assert pool.wait() == Ended(run.path)
        [worker] = pool._workers.values()
        worker.process.kill()
        worker.process.wait()
    pool.stop()
    assert [run.state() for run in runs] == ["finished", "finished"]


@pytest.mark.slow
def test_jobs_of_a_sweep_that_was_started_without_ctrl_c_are_stopped_too(tmp_path: Path) -> None:
    run = run_of(tmp_path, "max_epochs=1000000")
    pool = Processes(1)
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in what a script starts with &
    pool.start(run.path)
    signal.signal(signal.SIGINT, usual)
    limit = time.monotonic() + 60
    while not run.last.exists():
        assert time.monotonic() < limit, "it does not begin"
        time.sleep(0.1)
    pool.stop()
    assert run.state() == "interrupted"
