"""Workers and their GPUs; their cores are tested in `test_sweep_command.py`."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made import prepared

from seedbed.config.compose import plain
from seedbed.errors import SettingError
from seedbed.processes.signals import exit_on_signals
from seedbed.record.directory import RunDirectory
from seedbed.sweep.jobs import Processes, ThisProcess, divided, pool_of
from seedbed.sweep.worker import ERRORS


def test_each_worker_has_as_many_gpus_as_its_job_uses_and_no_other_has_them() -> None:
    assert divided(["0", "1", "2", "3", "4"], 2, 2) == ["0,1", "2,3"]
    assert divided(["GPU-a", "GPU-b"], 2, 1) == ["GPU-a", "GPU-b"]


@pytest.mark.parametrize(
    ("gpus", "count", "fitting"), [(["0"], 1, 1), (["0", "1", "2"], 2, 1), (["0", "1"], 4, 1)]
)
def test_too_few_gpus_are_reported_with_the_workers_that_fit(
    gpus: list[str], count: int, fitting: int
) -> None:
    expected = (
        f"workers=2: a job has {count} of the {len(gpus)} GPUs to itself; choose workers={fitting}"
    )
    with pytest.raises(SettingError, match=expected):
        divided(gpus, 2, count)


def test_job_of_several_processes_asks_for_a_gpu_each(
    compose_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    one, two = (plain(compose_of(words)) for words in ([], ["trainer=ddp", "trainer.devices=2"]))
    assert isinstance(pool_of(3, [one], Path()), Processes)
    with pytest.raises(SettingError, match="a job has 2 of the 3 GPUs to itself"):
        pool_of(2, [one, two], Path())
    two["trainer"]["accelerator"] = "cpu"
    assert isinstance(pool_of(3, [one, two], Path()), Processes)


SMALL = ("data.held_out=50", "logger=csv", "callbacks.checkpoints.every_seconds=0")


def run_of(folder: Path, *words: str) -> RunDirectory:
    """A run of the line, not begun."""
    return prepared(folder, *SMALL, *words)


@pytest.fixture
def pool() -> Iterator[Processes]:
    """A worker, which is killed where a test would wait for it for ever."""
    pool = Processes(1)
    watchdog = threading.Timer(300, lambda: [worker.kill() for worker in pool.workers])
    watchdog.daemon = True
    watchdog.start()
    yield pool
    pool.stop()
    watchdog.cancel()


def ended(pool: Processes, *runs: RunDirectory) -> list[str]:
    """What was wrong with each of these runs, one after the other."""
    found = []
    for run in runs:
        pool.start(run.path)
        found.append(pool.wait())
    assert [each.path for each in found] == [run.path for run in runs]
    return [each.error for each in found]


@pytest.mark.slow
def test_worker_takes_job_after_job_until_an_error_that_nobody_foresaw(
    pool: Processes, tmp_path: Path
) -> None:
    settings = ("max_epochs=2", "optimizer.lr=1e30", "max_epochs=3")
    runs = [run_of(tmp_path / f"{i}", words) for i, words in enumerate(settings)]
    unforeseen, after = (run_of(tmp_path / name, "max_epochs=2") for name in ("x", "y"))
    unforeseen.log_file.mkdir()  # which nothing expects
    errors = ended(pool, *runs, unforeseen, after)
    assert [run.state() for run in runs] == ["finished", "failed", "finished"]
    assert [bool(error) for error in errors] == [False, True, False, True, False]
    assert "loss is nan" in errors[1]
    assert errors[3].startswith("IsADirectoryError")
    assert "Traceback" in (unforeseen.path / ERRORS).read_text()
    pids = [run.status()["pid"] for run in [*runs, after]]
    assert pids[0] == pids[1] == pids[2] != pids[3]
    assert [(run.path / ERRORS).exists() for run in runs] == [False, True, False]
    assert all(run.provenance()["command"] == run.execute_command for run in [*runs, after])


@pytest.mark.slow
def test_worker_that_was_killed_between_two_jobs_is_replaced(
    pool: Processes, tmp_path: Path
) -> None:
    for number in range(2):
        run = run_of(tmp_path / f"{number}", "max_epochs=2")
        assert ended(pool, run) == [""]
        os.kill(run.status()["pid"], signal.SIGKILL)
        os.waitid(os.P_PID, run.status()["pid"], os.WEXITED | os.WNOWAIT)


@pytest.mark.slow
def test_worker_of_several_processes_and_of_one_takes_the_next_job(
    pool: Processes, tmp_path: Path
) -> None:
    several = ("trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu")
    runs = [
        run_of(tmp_path / f"{i}", "max_epochs=2", *words) for i, words in enumerate((several, ()))
    ]
    assert ended(pool, *runs) == ["", ""]
    assert [run.provenance()["processes"] for run in runs] == [2, 1]


@pytest.mark.slow
def test_what_was_wrong_with_a_job_before_is_not_reported_again(
    pool: Processes, tmp_path: Path
) -> None:
    one, other = (run_of(tmp_path / name, "max_epochs=2") for name in ("one", "other"))
    (other.path / ERRORS).write_text("an old error")
    assert ended(pool, one, other) == ["", ""]
    assert not (other.path / ERRORS).exists()


def test_next_job_of_a_process_is_not_logged_to_the_last_ones_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[None] = []
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(finish=lambda: closed.append(None)))
    pool = ThisProcess()
    for number in range(2):
        pool.start(run_of(tmp_path / f"{number}", "max_epochs=1").path)
        assert not pool.wait().error
        assert len(closed) == number + 1


@pytest.mark.slow
def test_second_interruption_kills_the_workers(pool: Processes, tmp_path: Path) -> None:
    pool.start(run_of(tmp_path, "max_epochs=1000000").path)
    [worker] = pool.workers
    os.kill(worker.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, worker.pid, os.WSTOPPED | os.WNOWAIT)  # from here it heeds nothing
    second = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    with exit_on_signals():
        second.start()
        with pytest.raises(SystemExit):
            pool.stop()
        second.cancel()
    assert worker.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_jobs_of_a_sweep_that_was_started_without_ctrl_c_are_stopped_too(
    pool: Processes, tmp_path: Path
) -> None:
    run = run_of(tmp_path, "max_epochs=1000000")
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in what a script starts with &
    try:
        pool.start(run.path)
    finally:
        signal.signal(signal.SIGINT, usual)
    pool.stop()  # while it is importing
    assert pool.workers[0].wait() == -signal.SIGTERM
