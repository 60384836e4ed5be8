"""A sweep's directory, which is its whole record.

    sweep.yaml       the command, what may not change between one start and the next, and each
                     opening of the test part, and the outcome of a race
    trials.jsonl     the points, of a search as it has proposed them, one a line
    JOB/             a run's directory for each point and repeat, named by both

What is done, failed or missing is read from the jobs' own `status.json`; there is nothing else to
keep in step with them, so a sweep may be killed at any moment.
"""

import json
import math
import os
import shlex
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from seedbed.config.overrides import foreign, quoted
from seedbed.errors import RunError
from seedbed.files import place_text, refuse_links_out
from seedbed.record.directory import RunDirectory, typed
from seedbed.record.files import SWEEP, read_text, read_yaml
from seedbed.sweep.best import remove_best
from seedbed.sweep.space import Point, job_key

GRACE = 10.0
"""Seconds that a worker whose sweep was killed has to end by itself."""

PATIENCE = 120.0
"""Seconds that a job which outlived its sweep has to save and end after the signal."""


@dataclass(frozen=True)
class Result:
    """How a job stands."""

    state: str
    """As its run's, or `pruned`."""
    value: float | None = None
    """The metric of its best checkpoint, once it has finished or was pruned."""
    step: int = 0
    """Where it was pruned."""
    error: str = ""

    @property
    def done(self) -> bool:
        """Whether the job has a result."""
        return self.state in ("finished", "pruned")


@dataclass(frozen=True)
class Job:
    """A point, trained once."""

    point: Point
    repeat: int
    """Counted from 0; the seed is the point's own and this."""
    folder: Path
    """The sweep's directory."""

    @cached_property
    def run(self) -> RunDirectory:
        """Its run."""
        return RunDirectory(self.folder / job_key(self.point, self.repeat))

    @property
    def label(self) -> str:
        """Its settings, to be read."""
        words = [f"{key}={value}" for key, value in self.point.items()]
        return " ".join([*words, *([f"(repeat {self.repeat})"] if self.repeat else [])]) or "–"

    def result(self, metric: str | None) -> Result:
        """Read how it stands, by the metric that decides, if one does."""
        state, status = self.run.state(), self.run.status()
        if state != "finished":
            return Result(state, error=str(status.get("error", "")))
        value = self.run.metrics().get(metric, math.nan) if metric else None
        if "pruned" in status:
            return Result("pruned", value, status["pruned"])
        return Result("finished", value)


class Ledger:
    """The files of one sweep.

    Args:
        folder: The sweep's directory.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record_file = folder / SWEEP
        self.trials_file = folder / "trials.jsonl"

    @property
    def resume_command(self) -> str:
        """What to type to go on with it: all of it again, where only its owner may ask for it."""
        command = self.record()["command"]
        if foreign(command):
            place = f"hydra.sweep.dir={quoted(str(self.folder))}"
            return shlex.join(["python", "train.py", *command, place])
        return typed("resume", str(self.folder))

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the directory for this sweep alone.

        Raises:
            RunError: If another process sweeps in it, it cannot be made, or a link in it leads out.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            refuse_links_out(self.folder)
            lock = FileLock(self.folder / ".lock")
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"{self.folder} is in use by another sweep. Wait for its end, or choose another "
                "hydra.sweep.dir."
            ) from None
        except OSError as error:
            raise RunError(f"{self.folder}: cannot be made ({error.strerror}).") from None
        try:
            yield
        finally:
            lock.release()

    def open(self, identity: dict[str, Any], command: list[str], *, fresh: bool) -> None:
        """Begin a new sweep, or go on with the one that is here: end what is left running of it.

        Args:
            identity: All of the sweep but its budget.
            command: The command line's arguments, for `seedbed resume`.
            fresh: Remove the sweep that is here.

        Raises:
            RunError: If another sweep is here, or runs that no sweep made, or a job does not end.
        """
        if not self.record_file.exists():
            if others := self.runs():
                raise RunError(
                    f"{self.folder} holds runs that no sweep made, as {others[0].path.name}. "
                    "Choose another hydra.sweep.dir."
                )
        elif not fresh and (here := self.record())["sweep"] != identity:
            raise RunError(
                f"{self.folder} holds another sweep: train.py {shlex.join(here['command'])}\n"
                "Choose another hydra.sweep.dir, or start over with fresh=true."
            )
        # A grid of an earlier version kept no points, and took all runs here for its own.
        jobs = [*(self.jobs() if self.trials_file.exists() else (run.path for run in self.runs()))]
        for path in jobs:
            _end_orphan(RunDirectory(path))
        if fresh:
            for path in reversed(jobs):  # last repeats first: after a kill the others are found
                shutil.rmtree(path)
            remove_best(self.folder)
            self.trials_file.unlink(missing_ok=True)
        self._write({"command": command, "folder": str(Path.cwd()), "sweep": identity})
        self.note_openings()

    def note_openings(self) -> None:
        """Take over from the jobs' records when the test part was opened, and by what."""
        record = self.record()
        opened = [
            {"job": path.name, **opening}
            for path in self.jobs()
            for opening in RunDirectory(path).provenance().get("test_opened", [])
        ]
        if opened != record.get("test_opened", []):
            self._write(record | {"test_opened": opened})

    def note_race(self, outcome: dict[str, Any]) -> None:
        """Keep the outcome of a race."""
        self._write(self.record() | {"race": outcome})

    def _write(self, record: dict[str, Any]) -> None:
        place_text(self.record_file, yaml.safe_dump(record, allow_unicode=True, sort_keys=False))

    def record(self) -> dict[str, Any]:
        """What `sweep.yaml` says.

        Raises:
            RunError: If it cannot be read.
        """
        try:
            record = read_yaml(self.record_file)
        except FileNotFoundError:
            raise RunError(f"{self.record_file}: cannot be read (there is none).") from None
        command = record.get("command")
        words = [*command, record.get("folder")] if isinstance(command, list) else [None]
        if "sweep" not in record or not all(isinstance(word, str) for word in words):
            raise RunError(f"{self.record_file}: expected a sweep's command, and its folder.")
        return record

    def runs(self) -> list[RunDirectory]:
        """All runs in the directory."""
        return [RunDirectory(file.parent) for file in sorted(self.folder.glob("*/config.yaml"))]

    def jobs(self) -> dict[Path, Job]:
        """Those that have begun, by their runs; another run that was put there is none."""
        begun, points = {run.path for run in self.runs()}, self.points()
        rounds = ([self.job(point, repeat) for point in points] for repeat in count())
        found = ([job for job in jobs if job.run.path in begun] for jobs in rounds)
        return {job.run.path: job for jobs in takewhile(bool, found) for job in jobs}

    def points(self) -> list[Point]:
        """The points so far, in order.

        Raises:
            RunError: If they cannot be read.
        """
        try:
            points = [*map(json.loads, read_text(self.trials_file).splitlines())]
        except FileNotFoundError:
            return []
        except (RecursionError, ValueError) as error:
            raise RunError(f"{self.trials_file}: cannot be read ({error}).") from None
        for point in points:
            if not isinstance(point, dict) or not all(isinstance(v, str) for v in point.values()):
                raise RunError(f"{self.trials_file}: expected settings' values as they are typed.")
        return points

    def note(self, points: list[Point]) -> None:
        """Keep the points, before any job of the last one begins."""
        place_text(
            self.trials_file, "".join(f"{json.dumps(p, ensure_ascii=False)}\n" for p in points)
        )

    def job(self, point: Point, repeat: int = 0) -> Job:
        """A point's job."""
        return Job(point, repeat, self.folder)


def _end_orphan(run: RunDirectory) -> None:
    """Have a job that outlived its sweep, as one submitted to a cluster does, save and end.

    A worker ends with its sweep. While it saves, a signal more would not let it.
    """

    def has_ended() -> bool:
        return run.state() != "running"

    if soon(has_ended, GRACE):
        return
    status = run.status()
    if status.get("host") == socket.gethostname():
        with suppress(ProcessLookupError):
            os.kill(status["pid"], signal.SIGTERM)
        if soon(has_ended, PATIENCE):
            return
    raise RunError(
        f"{run.path} is in use by process {status.get('pid')} on {status.get('host')}, which a "
        "killed sweep has left. End it first."
    )


def soon(is_so: Callable[[], bool], within: float, poll: float = 0.2) -> bool:
    """Whether something is so, now or within so many seconds, looked at every so many."""
    limit = time.monotonic() + within
    while not is_so():
        if time.monotonic() > limit:
            return False
        time.sleep(poll)
    return True
