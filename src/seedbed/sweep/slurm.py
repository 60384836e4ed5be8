"""Jobs of a sweep on a cluster: each is submitted to Slurm and executes its run on some node.

Submitit writes the batch script and asks Slurm how a job stands. On the node a small process
starts the same `python -m seedbed execute RUN` as any other worker and waits for it, so that one
killed for its memory is told of like one here. What came of a run is in its files alone, on a disk
that all machines share. A job that Slurm ends before its time is not queued again: it saves, counts
as failed, and the sweep's command goes on with it. Price: whoever sweeps on machines that are often
taken away types that command again.
"""

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seedbed.errors import SettingError, nearest
from seedbed.hints import hints_of, type_problem
from seedbed.runs.directory import RunDirectory
from seedbed.signals import TERMINATED
from seedbed.sweep.jobs import Ended, Pool, Worker

if TYPE_CHECKING:
    from submitit import AutoExecutor, Job

POLL = 1.0
"""Seconds between two looks at the jobs' files."""

ASKED = 60.0
"""Seconds between two questions to Slurm; it is needed only for what was killed with its node."""

NOTICE = 90
"""Seconds before its end at which a job is told to save."""

PATIENCE = 60.0
"""Seconds that jobs which were told to end have to save; by default Slurm itself gives 30."""

LAG = 60.0
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
        self._asked = time.monotonic()

    def start(self, path: Path) -> None:
        """Submit a job; one that Slurm refuses has ended with that."""
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        self.running += 1
        try:
            self._jobs[path] = self._executor.submit(execute, path, self.allocation.cpus_per_task)
        except (FailedJobError, FailedSubmissionError) as error:
            self._refused.append(Ended(path, str(error).strip().splitlines()[-1]))

    def wait(self) -> Ended:
        """Look until a job has its result, or is none of Slurm's any more."""
        while not self._refused:
            ask = time.monotonic() - self._asked > ASKED
            if ask:
                self._asked = time.monotonic()
            for path, job in self._jobs.items():
                if job.done(force_check=ask):
                    del self._jobs[path]
                    self.running -= 1
                    return Ended(path, _last_words(path, job))
                ask = False  # what it says is of all jobs
            time.sleep(POLL)
        self.running -= 1
        return self._refused.pop()

    def stop(self) -> None:
        """Cancel the jobs, and wait a while for those that save; a second Ctrl-C does not."""
        for job in self._jobs.values():
            job.cancel(check=False)
        limit = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < limit and any(map(_is_running, self._jobs)):
                time.sleep(POLL)
        except KeyboardInterrupt:
            return

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

    Slurm signals all processes of a job, so SIGTERM is not passed on.
    """
    worker = Worker.start(path, OMP_NUM_THREADS=str(cores))
    try:
        said = worker.last_words()
    finally:
        if worker.process.poll() is None:  # this process alone is being ended
            worker.process.terminate()
    if worker.process.returncode == TERMINATED:
        return "it was told to end: by its time limit, for another job, or by scancel"
    return said


def without_devices(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as a machine can check it that has neither the nodes' GPUs nor a compiler."""
    config = dict(config)
    if isinstance(config.get("trainer"), Mapping):
        on_gpu = config["trainer"].get("accelerator") in ("gpu", "cuda")
        config["trainer"] = {**config["trainer"], **({"accelerator": "cpu"} if on_gpu else {})}
    if config.get("compile") is True:
        config["compile"] = False
    return config


def _last_words(path: Path, job: "Job[str]") -> str:
    """Why a job ended, where it was not of its own accord."""
    try:
        said = job.result()
    except Exception:  # submitit raises what a job has raised, and its own errors for lost ones
        lines = (job.stderr() or "").strip().splitlines()
        return ": ".join([f"job {job.job_id} ended as {job.state}", *lines[-1:]])
    limit = time.monotonic() + LAG
    while not said and time.monotonic() < limit:  # it ended well, so its status will say so
        if RunDirectory(path).status().get("state") == "finished":
            break
        time.sleep(POLL)
    return said


def _is_running(path: Path) -> bool:
    return RunDirectory(path).state() == "running"
