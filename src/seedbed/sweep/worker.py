"""A worker of a sweep: a process that executes runs, and how the sweep sends them.

Both ends are here. The sweep writes the run's directory to the worker's standard input, a line
each; the worker answers each with a line on its standard output, and says what is wrong in a file
of the run's.
"""

import gc
import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import SeedbedError
from seedbed.processes.signals import PARENT, ending
from seedbed.record.directory import SEEDBED, RunDirectory
from seedbed.speed import quick_imports
from seedbed.terminal.console import console

ERRORS = "stderr.txt"
"""What a worker wrote beside its log, if anything."""

FINISHED, FAILED = b"finished\n", b"failed\n"
"""What a worker answers."""


@dataclass(frozen=True)
class Ended:
    """A job that has ended, and what was wrong if it is not in its status."""

    path: Path
    error: str = ""


class Worker:
    """A process that executes runs, one after the other, with `seedbed work`.

    An unexpected error ends it with its run, so that no other starts in what that one has
    left behind, such as a GPU in error.

    Args:
        path: The first run.
        environment: Further variables in its environment.
    """

    def __init__(self, path: Path, **environment: str) -> None:
        self.path: Path | None = path
        """The run that it executes."""
        with (path / ERRORS).open("wb") as errors:
            self._process = subprocess.Popen(
                [*SEEDBED, "work"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                env=os.environ | environment | {PARENT: str(os.getpid())},
                start_new_session=True,  # a Ctrl-C comes from us, once
            )
        assert self._process.stdin
        assert self._process.stdout
        self._named, self._answers = self._process.stdin, self._process.stdout
        os.set_blocking(self._answers.fileno(), False)
        self.pid = self._process.pid
        self._name(path)

    @property
    def is_gone(self) -> bool:
        """Whether it takes no more runs, because of its last one's error or by a signal."""
        return self._process.poll() is not None

    def execute(self, path: Path) -> None:
        """Begin with the next run."""
        self.path = path
        (path / ERRORS).write_bytes(b"")
        self._name(path)

    def ended(self) -> Ended | None:
        """Its run, if that has ended by now."""
        assert self.path
        is_gone = self.is_gone  # first: what it has answered then was its last
        answer = self._answers.read(64)
        if not (answer or is_gone):
            return None
        error = "" if answer == FINISHED else self._last_words(self.path)
        _remove_empty(self.path / ERRORS)
        ended, self.path = Ended(self.path, error), None
        return ended

    def dismiss(self) -> None:
        """Have it end, and its run, if it has one, save before."""
        if self.path:
            self._process.terminate()  # SIGINT is ignored by what a script started with &
        self._named.close()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def wait(self) -> int:
        """Wait for its end, and return its exit status."""
        status = self._process.wait()
        self._named.close()
        self._answers.close()
        if self.path:
            _remove_empty(self.path / ERRORS)
        return status

    def _name(self, path: Path) -> None:
        with suppress(BrokenPipeError):  # it is gone, as the next look will find
            self._named.write(json.dumps(str(path)).encode() + b"\n")

    def _last_words(self, path: Path) -> str:
        status, said = self._process.poll() or 0, ""
        with suppress(OSError):  # its folder was removed
            said = (path / ERRORS).read_text(encoding="utf-8", errors="replace").strip()
        return said.splitlines()[-1] if status >= 0 and said else f"the process {ending(status)}"


def work() -> None:
    """Be a worker: execute the runs named on standard input, and answer each with a line."""
    # Nothing else may read from there, or print there.
    with (
        os.fdopen(os.dup(0)) as named,
        os.fdopen(os.dup(1), "wb", buffering=0) as answers,
        Path(os.devnull).open("r+b") as nowhere,
    ):
        os.dup2(nowhere.fileno(), 0)
        os.dup2(nowhere.fileno(), 1)
        with quick_imports():
            from seedbed.runs.execute import execute
        from seedbed.processes.distributed import COMMAND
        from seedbed.runs.provenance import code

        code()  # what is imported now
        console.quiet = True  # it is in the run's log
        for line in named:
            run = RunDirectory(Path(json.loads(line)))
            with (run.path / ERRORS).open("ab") as errors:
                os.dup2(errors.fileno(), 2)
            os.environ[COMMAND] = json.dumps(run.execute_command)  # the one that repeats it
            answer = FINISHED
            try:
                execute(run.path)
            except SeedbedError as error:
                print(error, file=sys.stderr, flush=True)
                answer = FAILED
            let_go()
            os.dup2(nowhere.fileno(), 2)
            answers.write(answer)


def let_go() -> None:
    """Leave nothing of the last run in this process for the next one."""
    from torch import cuda

    gc.collect()  # a Trainer and its net hold each other
    cuda.empty_cache()
    if wandb := sys.modules.get("wandb"):
        wandb.finish()  # else Lightning would log the next run to it too


def _remove_empty(file: Path) -> None:
    if file.exists() and not file.stat().st_size:
        file.unlink()
