"""GPUs of jobs that run at a time; of their cores `test_sweep_command.py` tells."""

import signal
from pathlib import Path
from typing import Any

import pytest

from seedbed.compose import plain
from seedbed.errors import SettingError
from seedbed.runs.directory import RunDirectory
from seedbed.sweep import jobs
from seedbed.sweep.jobs import Processes, divided, pool_of


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


def test_jobs_of_a_sweep_that_was_started_without_ctrl_c_are_stopped_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunDirectory, "execute_command", ["sleep", "5"])
    pool = Processes(1)
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in what a script starts with &
    pool.start(tmp_path)
    signal.signal(signal.SIGINT, usual)
    [worker] = pool._workers
    assert worker
    pool.stop()
    assert worker.process.returncode == -signal.SIGTERM
