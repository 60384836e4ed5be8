"""Where the jobs of a sweep run: one after the other in this process, or some at a time in workers.

Either imports torch once, so small jobs follow each other fast. A worker is a process that takes
some seconds to start, has its own cores and its own GPUs, and can be killed without harm to the
others' jobs. On a cluster it is on another machine, as `slurm.py` has it.
"""

import json
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.errors import SeedbedError, SettingError
from seedbed.runs.directory import RunDirectory
from seedbed.shell import quick_imports
from seedbed.signals import PARENT, ending
from seedbed.terminal import console

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

    def stop(self) -> None:
        """Nothing: what interrupts this process interrupts the run."""


class Worker:
    """A process that executes runs, one after the other, with `seedbed work`.

    It imports torch once for all of them. A run that fails ends it, so that no other starts in what
    that one left behind, such as a GPU in error.

    Args:
        path: The first run, where it writes what is wrong with itself.
        environment: Further variables in its environment.
    """

    def __init__(self, path: Path, **environment: str) -> None:
        with (path / ERRORS).open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "seedbed", "work"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | environment | {PARENT: str(os.getpid())},
                start_new_session=True,  # a Ctrl-C comes from us, once
                text=True,
            )

    @property
    def has_ended(self) -> bool:
        """Whether it takes no more runs, because of the last one's failure or by a signal."""
        return self.process.poll() is not None

    def execute(self, path: Path) -> str:
        """Have it execute a run, wait, and say why that ended if it was not of its own accord."""
        assert self.process.stdin
        assert self.process.stdout
        with suppress(BrokenPipeError):  # it is gone, as the answer will tell
            self.process.stdin.write(json.dumps(str(path)) + "\n")
            self.process.stdin.flush()
        answered = bool(self.process.stdout.readline())
        status = 0 if answered else self.end()
        said = (path / ERRORS).read_text(encoding="utf-8", errors="replace").strip()
        if not said:
            (path / ERRORS).unlink()
        if answered:
            return ""
        return said.splitlines()[-1] if status > 0 and said else f"the process {ending(status)}"

    def dismiss(self) -> None:
        """Let it end, once it has no run."""
        assert self.process.stdin
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def end(self) -> int:
        """Wait for its end, and return its exit status; its run is not waited for any more."""
        self.dismiss()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()
        return self.process.returncode


def work() -> None:
    """Be a worker: execute the runs named on standard input, and answer each with a line."""
    with quick_imports():
        from seedbed.runs.execute import execute
    from seedbed.runs.processes import COMMAND

    console.quiet = True  # it is in the run's log
    with os.fdopen(os.dup(1), "w") as answers, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # what else is printed is no answer
        for line in sys.stdin:
            run = RunDirectory(Path(json.loads(line)))
            with (run.path / ERRORS).open("ab") as errors:
                os.dup2(errors.fileno(), 2)
            os.environ[COMMAND] = json.dumps(run.execute_command)  # the one that repeats it
            execute(run.path)
            print("ended", file=answers, flush=True)


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
        self._workers: dict[int, Worker] = {}
        self._jobs: dict[Future[str], tuple[int, Path]] = {}
        self._threads = ThreadPoolExecutor(size)  # one waits for each worker's answer

    def start(self, path: Path) -> None:
        """Give a run to a worker that has none, on cores and GPUs that no other has."""
        busy = self._busy()
        place = next(place for place in range(self.size) if place not in busy)
        self._jobs[self._threads.submit(self._worker(place, path).execute, path)] = place, path
        self.running += 1

    def wait(self) -> Ended:
        """Wait until a run has ended, by itself or with its process."""
        [future, *_] = wait(self._jobs, return_when=FIRST_COMPLETED).done
        _, path = self._jobs.pop(future)
        self.running -= 1
        return Ended(path, future.result())

    def stop(self) -> None:
        """Interrupt them; a second interruption, while this waits, kills them."""
        busy = self._busy()
        for place, worker in self._workers.items():
            worker.dismiss()
            if place in busy:
                worker.process.terminate()  # SIGINT is ignored by what a script started with &
        try:
            self._threads.shutdown()
        except (KeyboardInterrupt, SystemExit):
            for worker in self._workers.values():
                worker.process.kill()
        for worker in self._workers.values():
            worker.end()

    def _busy(self) -> set[int]:
        return {place for place, _ in self._jobs.values()}

    def _worker(self, place: int, path: Path) -> Worker:
        """The worker of a place, a new one if there is none that goes on."""
        if last := self._workers.get(place):
            if not last.has_ended:
                return last
            last.end()
        cores = _cores(place, self.size)
        environment = {"OMP_NUM_THREADS": str(max(1, len(cores)))}
        if self._gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self._gpus[place]
        worker = self._workers[place] = Worker(path, **environment)
        if cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(worker.process.pid, cores)
        return worker


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
