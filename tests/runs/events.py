"""Processes that a test makes, in which something happens at a chosen moment."""

import functools
import itertools
import multiprocessing
import pkgutil
from collections.abc import Callable
from typing import Any

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
