"""A run in several processes of this machine, each `python -P -m seedbed execute RUN`.

Lightning would repeat the command line in each, which in a sweep is the whole sweep's. These need
none: they get torchrun's variables and the run's directory. The process that starts them trains
nothing; it waits, passes signals on, and ends them all once one has died. Trade-off: each imports
torch anew, some seconds a run.
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

import torch
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from seedbed.errors import LostProcessError, ProcessError
from seedbed.files import refuse_links_out
from seedbed.processes import distributed
from seedbed.processes.signals import INTERRUPTED, PARENT, STOPPED, ending, exit_on_signals
from seedbed.record.directory import RunDirectory, now
from seedbed.terminal import logged_to, say
from seedbed.terminal.console import console

GRACE = 10.0
"""Seconds that the others have to end by themselves, once one has died."""

POLL = 0.05
"""Seconds between two looks at them."""


@dataclass
class _Process:
    rank: int
    popen: subprocess.Popen[bytes]
    errors: IO[bytes]
    said: str = ""
    """What it wrote to its standard error, once it has ended."""

    def end(self) -> None:
        """End it, if it has not ended by itself, and read what it said."""
        self.popen.kill()
        self.popen.wait()
        with self.errors:
            self.errors.seek(0)
            self.said = self.errors.read().decode(errors="replace").strip()


def start(run: RunDirectory, count: int) -> dict[str, float]:
    """Execute a run in so many processes, and wait for its end.

    Returns:
        The best checkpoint's metrics.

    Raises:
        RunError: If a link in the run's directory leads out of it.
        ProcessError: If one has failed; the others were ended.
        SystemExit: If it was interrupted, with the shell's status for that.
    """
    refuse_links_out(run.path)  # what a process could not record is recorded from here
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    processes: list[_Process] = []
    try:
        with exit_on_signals():
            try:
                for rank in range(count):
                    processes.append(_started(run, rank, count, store.port))
                failed = _first_to_fail(processes)
            except (KeyboardInterrupt, SystemExit) as stop:
                status = int(stop.code or 0) if isinstance(stop, SystemExit) else INTERRUPTED
                _pass_on(signal.Signals(status - 128), processes)
                raise SystemExit(status) from None
    finally:
        for process in processes:
            process.end()
    if failed:
        _complain(run, failed, count)
    if warnings := processes[0].said:
        say(warnings, err=True)
    return run.metrics()


def _started(run: RunDirectory, rank: int, count: int, port: int) -> _Process:
    threads = max(1, torch.get_num_threads() // count)
    shown = subprocess.DEVNULL if rank or console.quiet else sys.stderr if console.stderr else None
    errors = TemporaryFile()  # noqa: SIM115 – of those that fail together, the first is shown
    popen = subprocess.Popen(
        run.execute_command,
        stdout=shown,
        stderr=errors,
        start_new_session=True,  # a Ctrl-C comes from us, once
        env=os.environ
        | distributed.variables(rank, count, port)
        | {"OMP_NUM_THREADS": str(threads), PARENT: str(os.getpid())}
        | {distributed.COMMAND: json.dumps(distributed.typed_command())},
    )
    return _Process(rank, popen, errors)


def _first_to_fail(processes: Sequence[_Process]) -> _Process | None:
    """Wait until all have ended well, or one has not; then the others get a while to end."""
    failed: list[_Process] = []
    limit = math.inf
    while time.monotonic() < limit and any(p.popen.poll() is None for p in processes):
        time.sleep(POLL)
        failed += [p for p in processes if p.popen.poll() and p not in failed]
        if failed:
            limit = min(limit, time.monotonic() + GRACE)
    failed += [p for p in processes if p.popen.poll() and p not in failed]
    # One that only lost another may be through with it before that one.
    causes = [p for p in failed if p.popen.returncode != LostProcessError.exit_status]
    return next(iter([*causes, *failed]), None)


def _pass_on(number: signal.Signals, processes: Sequence[_Process]) -> None:
    """Have all save and end; they agree on where."""
    for process in processes:
        process.popen.send_signal(number)
    for process in processes:
        process.popen.wait()


def _complain(run: RunDirectory, process: _Process, count: int) -> None:
    """Say how a process ended, and record it where it could not do so itself.

    Raises:
        ProcessError: With its words, and its exit status.
        SystemExit: If it was interrupted, and has recorded that.
    """
    status = process.popen.returncode
    if status in STOPPED:
        raise SystemExit(status)
    if status > 0 and run.state() != "interrupted":  # it is recorded as running, and nobody is
        raise ProcessError(process.said, status)
    error = f"Process {process.rank} of {count} {ending(status)}"
    error += "" if error.endswith("?") else "."
    run.set_status("failed", ended=now(), error=error)
    with logged_to(run.log_file):
        raise ProcessError(
            "\n".join(filter(None, [process.said, f"{error} To go on: {run.resume_command}"]))
        )
