"""Jobs of a sweep on a cluster: each is submitted to Slurm and executes its run on some node.

Submitit writes the batch script and submits it. On the node a small process starts a worker like
those on one machine and waits for it, so that one killed for its memory is reported like one here.
The result of a run is in its files alone, on a disk that all machines share; whether a job is still
there, Slurm's queue shows, which needs no accounting. A job that Slurm ends before its time is not
queued again: it saves, counts as failed, and the sweep's command goes on with it. Trade-off: on
machines that are often taken away, that command has to be typed again.
"""

import importlib.util
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seedbed.config.type_checks import hints_of, type_problem
from seedbed.errors import SettingError, nearest
from seedbed.processes.signals import TERMINATED
from seedbed.record.directory import RunDirectory
from seedbed.sweep.jobs import Pool
from seedbed.sweep.ledger import soon
from seedbed.sweep.worker import Ended, Worker

if TYPE_CHECKING:
    from submitit import AutoExecutor, Job

POLL = 1.0
"""Seconds between two looks at the jobs' files."""

ASKED = 15.0
"""Seconds between two questions to Slurm, whose answer counts for jobs killed with their node."""

NOTICE = 90
"""Seconds before its end at which a job gets the signal to save."""

PATIENCE = 60.0
"""Seconds that jobs have to save after the signal to end; by default Slurm itself gives 30."""

LAG = 30.0
"""Seconds that a shared disk may be behind."""


@dataclass(frozen=True)
class Allocation:
    """What each job gets, and from whom; `conf/hydra/launcher/slurm.yaml` explains."""

    cluster: Literal["slurm", "local"]
    partition: str | None
    account: str | None
    qos: str | None
    timeout_min: int
    cpus_per_task: int
    gpus_per_node: int
    mem_gb: int | float | None
    additional_parameters: dict[str, Any]

    @classmethod
    def checked(cls, values: Mapping[str, Any]) -> "Allocation":
        """Make one of values from anywhere.

        Raises:
            SettingError: Listing all that is wrong.
        """
        hints, problems = hints_of(cls), []
        hints.pop("return", None)
        for name, value in values.items():
            place = f"hydra.launcher.{name}"
            if name in hints:
                problems.append(type_problem(place, value, hints[name]))
            else:
                problems.append(f"{place}: no such setting; {nearest(name, hints)}")
        problems += [f"hydra.launcher.{name}: is missing." for name in hints if name not in values]
        if any(problems):
            raise SettingError("\n".join(filter(None, problems)))
        return cls(**values)


class Slurm(Pool):
    """As many jobs with Slurm at a time as there are workers, waiting or running.

    Args:
        size: How many.
        folder: The sweep's directory, where the batch scripts and their logs go.
        settings: What each job gets.

    Raises:
        SettingError: If a setting is wrong, or jobs cannot be submitted from here.
    """

    def __init__(self, size: int, folder: Path, settings: Mapping[str, Any]) -> None:
        super().__init__(size)
        self.allocation = Allocation.checked(settings)
        self.folder = folder
        if importlib.util.find_spec("submitit") is None:
            raise SettingError(
                "hydra/launcher=slurm: the package submitit is not installed; "
                "pip install --editable '.[slurm]'"
            )
        if self.allocation.cluster == "slurm" and shutil.which("srun") is None:
            raise SettingError(
                "hydra/launcher=slurm: there is no srun on this machine; start the sweep where "
                "jobs are submitted, or try it with hydra.launcher.cluster=local."
            )
        self._jobs: dict[Path, Job[str]] = {}
        self._refused: list[Ended] = []
        self._queue: set[str] | None = None
        self._asked = time.monotonic()

    def start(self, path: Path) -> None:
        """Submit a job; one that Slurm refuses has ended with that."""
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        self.running += 1
        self._queue = None  # it does not have this one
        try:
            self._jobs[path] = self._executor.submit(execute, path, self.allocation.cpus_per_task)
        except (FailedJobError, FailedSubmissionError) as error:
            self._refused.append(Ended(path, str(error).strip().splitlines()[-1]))

    def wait(self) -> Ended:
        """Look until a job has its result, or is not in Slurm's queue any more."""
        while not self._refused:
            self._look()
            for path, job in self._jobs.items():
                if job.paths.result_pickle.exists() or self._is_gone(job):
                    del self._jobs[path]
                    self.running -= 1
                    return Ended(path, _last_words(path, job))
            time.sleep(POLL)
        self.running -= 1
        return self._refused.pop(0)

    def stop(self) -> None:
        """Cancel the jobs, and wait a while for those that save; a second Ctrl-C does not."""
        for job in self._jobs.values():
            job.cancel(check=False)
        with suppress(KeyboardInterrupt):
            runs = [RunDirectory(path) for path in self._jobs]
            soon(lambda: all(run.state() != "running" for run in runs), PATIENCE, POLL)

    def _look(self) -> None:
        """Have the disk show what is new, and every so often ask for the queue."""
        for folder in {job.paths.folder for job in self._jobs.values()}:
            folder.chmod(folder.stat().st_mode)  # a shared disk's cache is dropped by a change
        if self.allocation.cluster == "slurm" and time.monotonic() - self._asked > ASKED:
            self._asked = time.monotonic()
            command = ["squeue", "--me", "--noheader", "--format=%i"]
            said = subprocess.run(command, capture_output=True, text=True, check=False)
            if said.returncode == 0:  # else the controller is busy, or gone for a while
                self._queue = set(said.stdout.split())

    def _is_gone(self, job: "Job[str]") -> bool:
        if self.allocation.cluster == "local":
            return job.done()
        return self._queue is not None and job.job_id not in self._queue

    @cached_property
    def _executor(self) -> "AutoExecutor":
        from submitit import AutoExecutor

        # A name nobody knows: results are unpickled, and the sweep's folder may be a stranger's.
        folder = tempfile.mkdtemp(prefix=".submitit-", dir=self.folder)
        given = self.allocation
        executor = AutoExecutor(folder, cluster=given.cluster)
        executor.update_parameters(
            name=self.folder.name,
            timeout_min=given.timeout_min,
            cpus_per_task=given.cpus_per_task,
            gpus_per_node=given.gpus_per_node or None,
            mem_gb=given.mem_gb,
            slurm_partition=given.partition,
            slurm_account=given.account,
            slurm_qos=given.qos,
            slurm_additional_parameters={
                "signal": f"TERM@{NOTICE}",  # submitit's own, USR2, would kill a run unsaved
                "no-requeue": True,
                **given.additional_parameters,
            },
        )
        return executor


def execute(path: Path, cores: int) -> str:
    """On a node: execute a run, and say what was wrong if it is not in its status.

    Slurm signals all processes of a job, so SIGTERM is not passed on; where this process alone is
    ended, the worker notices that and ends too.
    """
    worker = Worker(path, OMP_NUM_THREADS=str(cores))
    while (ended := worker.ended()) is None:
        time.sleep(POLL)
    worker.dismiss()
    if worker.wait() in (TERMINATED, -signal.SIGTERM):
        return "it was ended: by its time limit, for another job, or by scancel"
    return ended.error


def without_devices(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration, to be checked where there are neither the nodes' GPUs nor a compiler."""
    config = dict(config)
    if isinstance(config.get("trainer"), Mapping):
        on_gpu = config["trainer"].get("accelerator") in ("gpu", "cuda")
        config["trainer"] = {**config["trainer"], **({"accelerator": "cpu"} if on_gpu else {})}
    if config.get("compile") is True:
        config["compile"] = False
    return config


def _last_words(path: Path, job: "Job[str]") -> str:
    """Why a job ended, where it did not end by itself."""
    with suppress(Exception):  # submitit raises what the job has raised
        if soon(job.paths.result_pickle.exists, LAG, POLL):
            said, run = job.result(), RunDirectory(path)
            soon(lambda: bool(said) or run.status().get("state") == "finished", LAG, POLL)
            return said
    lines = (job.stderr() or "").strip().splitlines()
    return ": ".join([f"job {job.job_id} ended without a result", *lines[-1:]])
