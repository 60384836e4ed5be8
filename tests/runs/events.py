"""Processes that a test makes, in which something happens at a chosen moment."""

import functools
import itertools
import multiprocessing
import os
import pkgutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed import TCPStore

from seedbed.cli.shell import run_on_rank_zero
from seedbed.errors import SeedbedError
from seedbed.processes import distributed
from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute

CLEAN = multiprocessing.get_context("forkserver")
"""Makes processes from one that never trained: torch's autograd does not always outlive a fork."""
CLEAN.set_forkserver_preload(["seedbed.runs.execute"])

Place = tuple[str, str]
"""A class or a module, and the name of a function in it."""

STEP: Place = ("seedbed.tasks.base:Task", "training_step")


def happen(place: Place, call: int, event: Callable[[], None]) -> None:
    """From now on in this process, have something happen before a function's n-th call."""
    owner = pkgutil.resolve_name(place[0])
    original, calls = getattr(owner, place[1]), itertools.count(1)

    @functools.wraps(original)  # Lightning looks at signatures
    def eventful(*arguments: Any, **named: Any) -> Any:
        if next(calls) == call:
            event()
        return original(*arguments, **named)

    setattr(owner, place[1], eventful)


def interrupt(monkeypatch: pytest.MonkeyPatch, kind: type[Any], batch: int) -> None:
    """Have a module's fit in this process get a SIGTERM at a batch."""

    def begin(module: Any, *_: Any) -> None:
        if module.trainer.fit_loop.epoch_loop.batch_progress.total.ready == batch:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(kind, "on_train_batch_start", begin)


LIMIT = 60
"""Seconds in which two processes end, on a busy machine too."""


def together(run: RunDirectory, prepare: Callable[[int], object] = int) -> list[int | None]:
    """Execute a run in two processes, each of which calls `prepare` with its rank before.

    Returns:
        Their exit statuses; negative where a signal ended one.
    """
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    processes = [
        CLEAN.Process(target=_member, args=(run.path, rank, store.port, prepare))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(LIMIT)
        assert process.exitcode is not None, "it has not ended"
    return [process.exitcode for process in processes]


def _member(path: Path, rank: int, port: int, prepare: Callable[[int], object]) -> None:
    os.environ |= distributed.variables(rank, 2, port)
    torch.set_num_threads(1)
    prepare(rank)
    try:
        run_on_rank_zero(lambda: execute(path) and None)
    except SeedbedError as error:
        sys.exit(error.exit_status)
