"""Where the jobs of a sweep run: one after the other in this process, or each in one of its own.

In this process torch is imported once, so small jobs follow each other fast. A process of its own
takes some seconds to start, has its own cores and its own GPUs, and can be killed without harm to
the others. On a cluster it is on another machine, as `slurm.py` has it.
"""

import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from seedbed.errors import SeedbedError, SettingError
from seedbed.runs.directory import RunDirectory
from seedbed.signals import PARENT, ending
from seedbed.terminal import console

POLL = 0.1
"""Seconds between two looks at the workers."""

ERRORS = "stderr.txt"
"""What a worker wrote beside its log, if anything."""


@dataclass(frozen=True)
class Ended:
    """A job that has come to an end, and what was wrong if it is not in its status."""

    path: Path
    error: str = ""


class Pool(ABC):
    """Executes runs, a limited number at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.running = 0

    @property
    def free(self) -> bool:
        """Whether another run may be started."""
        return self.running < self.size

    @abstractmethod
    def start(self, path: Path) -> None:
        """Begin to execute a run."""

    @abstractmethod
    def wait(self) -> Ended:
        """Wait until one of the runs has ended; whatever a run does, this does not raise."""

    @abstractmethod
    def stop(self) -> None:
        """Have all runs save and end."""


class ThisProcess(Pool):
    """One run at a time, here; what it would show is in its log only."""

    def __init__(self) -> None:
        super().__init__(1)
        self._path = Path()

    def start(self, path: Path) -> None:
        """Note which."""
        self._path = path
        self.running = 1

    def wait(self) -> Ended:
        """Execute it; an interruption, which it has heeded by then, is passed on."""
        from seedbed.runs.execute import execute

        console.quiet = True
        try:
            execute(self._path)
            return Ended(self._path)
        except Exception as error:  # a bug in one job must not end the others
            return Ended(self._path, str(error) if isinstance(error, SeedbedError) else repr(error))
        finally:
            console.quiet = False
            self.running = 0

    def stop(self) -> None:
        """Nothing: what interrupts this process interrupts the run."""


@dataclass
class Worker:
    """A run in a process of its own."""

    path: Path
    process: subprocess.Popen[bytes]
    errors: IO[bytes] = field(repr=False)

    @classmethod
    def start(cls, path: Path, **environment: str) -> "Worker":
        """Begin `python -m seedbed execute`, with these variables in its environment."""
        errors = (path / ERRORS).open("w+b")
        process = subprocess.Popen(
            RunDirectory(path).execute_command,
            stdout=subprocess.DEVNULL,  # it is in the run's log
            stderr=errors,
            env=os.environ | environment | {PARENT: str(os.getpid())},
            start_new_session=True,  # a Ctrl-C comes from us, once
        )
        return cls(path, process, errors)

    def last_words(self) -> str:
        """Wait for its end, and say why it ended where it was not of its own accord."""
        self.process.wait()
        with self.errors:
            self.errors.seek(0)
            said = self.errors.read().decode(errors="replace").strip()
        if not said:
            (self.path / ERRORS).unlink(missing_ok=True)
        status = self.process.returncode
        if status == 0:
            return ""
        return said.splitlines()[-1] if status > 0 and said else f"the process {ending(status)}"


class Processes(Pool):
    """As many runs at a time as there are workers, `python -m seedbed execute` each.

    The machine's cores are divided among them, and so are its GPUs.

    Args:
        size: How many at a time.
        gpus: Those of each worker, as CUDA_VISIBLE_DEVICES names them; none for jobs on the
            processor.
    """

    def __init__(self, size: int, gpus: Sequence[str] = ()) -> None:
        super().__init__(size)
        self._gpus = gpus
        self._workers: list[Worker | None] = [None] * size

    def start(self, path: Path) -> None:
        """Start a worker on cores and GPUs that no other has."""
        place = self._workers.index(None)
        cores = _cores(place, self.size)
        environment = {"OMP_NUM_THREADS": str(max(1, len(cores)))}
        if self._gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self._gpus[place]
        worker = Worker.start(path, **environment)
        if cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(worker.process.pid, cores)
        self._workers[place] = worker
        self.running += 1

    def wait(self) -> Ended:
        """Look until a process has ended, by itself or by a signal."""
        while True:
            for place, worker in enumerate(self._workers):
                if worker and worker.process.poll() is not None:
                    self._workers[place] = None
                    self.running -= 1
                    return Ended(worker.path, worker.last_words())
            time.sleep(POLL)

    def stop(self) -> None:
        """Interrupt them; a second interruption, while this waits, kills them."""
        workers = [worker for worker in self._workers if worker]
        for worker in workers:
            worker.process.terminate()  # SIGINT is ignored by what a script started with &
        try:
            for worker in workers:
                worker.process.wait()
        except KeyboardInterrupt:
            for worker in workers:
                worker.process.kill()
        for worker in workers:
            worker.last_words()


def pool_of(
    workers: int,
    configs: Sequence[Mapping[str, Any]],
    folder: Path,
    cluster: Mapping[str, Any] | None = None,
) -> Pool:
    """Where so many jobs at a time run.

    Args:
        workers: How many.
        configs: The jobs' configurations, or some in which each value comes up.
        folder: The sweep's directory.
        cluster: What `hydra/launcher=slurm` says, for jobs on a cluster.

    Raises:
        SettingError: If there are too few GPUs for jobs that use them, or jobs cannot be submitted
            from here.
    """
    if cluster is not None:
        from seedbed.sweep.slurm import Slurm

        return Slurm(workers, folder, cluster)
    if workers == 1:
        return ThisProcess()
    from seedbed.machine import process_count

    trainers = [config["trainer"] for config in configs]
    for trainer in trainers:
        if isinstance(trainer["devices"], list):
            raise SettingError(
                f"trainer.devices={trainer['devices']}: of jobs that run at a time each has its "
                "own devices; expected their number."
            )
    counts = [process_count(each) for each in trainers if each["accelerator"] != "cpu"]
    gpus = _gpus() if counts else []
    return Processes(workers, divided(gpus, workers, max(counts)) if gpus else ())


def divided(gpus: Sequence[str], workers: int, count: int) -> list[str]:
    """Give GPUs out, to each worker as many as its job has processes.

    Args:
        gpus: All there are.
        workers: How many are to have some.
        count: How many each.

    Returns:
        Those of each worker, as CUDA_VISIBLE_DEVICES names them.

    Raises:
        SettingError: If there are too few.
    """
    if workers * count > len(gpus):
        raise SettingError(
            f"workers={workers}: a job has {count} of the {len(gpus)} GPUs to itself; choose "
            f"workers={max(1, len(gpus) // count)}, or trainer.accelerator=cpu."
        )
    return [",".join(gpus[place * count : (place + 1) * count]) for place in range(workers)]


def _gpus() -> list[str]:
    """Those that this process may use, and of which several processes should not share one."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    return named.split(",")[:count] if named else [*map(str, range(count))]


def _cores(place: int, size: int) -> set[int]:
    """The cores of one worker of so many; where there are fewer than workers, one shared."""
    if not hasattr(os, "sched_getaffinity"):
        return set(range((os.cpu_count() or 1) // size))
    cores = sorted(os.sched_getaffinity(0))
    share = max(1, len(cores) // size)
    first = place * share % len(cores)
    return set(cores[first : first + share])
