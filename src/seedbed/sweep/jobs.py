"""Where the jobs of a sweep run: one after the other in this process, or some at a time in workers.

Either imports torch once, so small jobs follow each other fast. A worker is a process that takes
some seconds to start, has its own cores and its own GPUs, and loses one job if it is killed.
Trade-off: what a job changes in its process, a flag of torch's or a warning shown once, stays so
for the next. On a cluster each job is on a machine of its own, as `slurm.py` has it.
"""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from seedbed.errors import SeedbedError, SettingError
from seedbed.sweep.worker import Ended, Worker, let_go
from seedbed.terminal.console import console

POLL = 0.1
"""Seconds between two looks at the workers."""


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
        """Have all runs save and end, and what executes them; nothing is started after that."""


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
            with suppress(Exception):  # as a GPU in error gives at every turn
                let_go()

    def stop(self) -> None:
        """Nothing: what interrupts this process interrupts the run."""


class Processes(Pool):
    """As many runs at a time as there are workers, each with its share of the cores and GPUs.

    Args:
        size: How many at a time.
        gpus: Those of each worker, as CUDA_VISIBLE_DEVICES names them; none for jobs on the
            processor.
    """

    def __init__(self, size: int, gpus: Sequence[str] = ()) -> None:
        super().__init__(size)
        self._gpus = gpus
        self._places: list[Worker | None] = [None] * size

    def start(self, path: Path) -> None:
        """Give a run to a worker that has none, or to a new one in a place of one that is gone."""
        workers = enumerate(self._places)
        place, worker = next((p, w) for p, w in workers if w is None or w.path is None)
        if worker and not worker.is_gone:
            worker.execute(path)
        else:
            if worker:
                worker.wait()
            self._begin(place, path)
        self.running += 1

    def wait(self) -> Ended:
        """Look until a run has ended, by itself or with its process."""
        while True:
            for worker in self.workers:
                if worker.path and (ended := worker.ended()):
                    self.running -= 1
                    return ended
            time.sleep(POLL)

    def stop(self) -> None:
        """Interrupt them; a second interruption, while this waits, kills them."""
        try:
            for worker in self.workers:
                worker.dismiss()
            for worker in self.workers:
                worker.wait()
        except (KeyboardInterrupt, SystemExit):
            for worker in self.workers:
                worker.kill()
                worker.wait()
            raise

    @property
    def workers(self) -> list[Worker]:
        """Those that were started, the dead ones too, until another has their place."""
        return [worker for worker in self._places if worker]

    def _begin(self, place: int, path: Path) -> None:
        """Have a new worker, on cores and GPUs that no other has."""
        cores = _cores(place, self.size)
        environment = {"OMP_NUM_THREADS": str(max(1, len(cores)))}
        if self._gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self._gpus[place]
        worker = self._places[place] = Worker(path, **environment)
        if cores and hasattr(os, "sched_setaffinity"):
            with suppress(OSError):  # it is gone already
                os.sched_setaffinity(worker.pid, cores)


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
    from seedbed.config.machine import process_count

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
    """Distribute GPUs: each worker gets as many as its job has processes.

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
