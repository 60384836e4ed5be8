"""How a run stands, in one word, read from its files: for tables, reports and verbs alike.

A process that works on a run holds a lock there, which the operating system drops with the process,
however that ends. So a run that says it is running, while its lock is free, was killed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

LOCK = ".lock"
"""The file in a run's directory that its process holds."""


def state_of(folder: Path, status: Mapping[str, Any]) -> str:
    """Find out whether a run is new, running, finished, failed or interrupted.

    Args:
        folder: The run's directory, in which nothing is made.
        status: What its `status.json` says.
    """
    state = str(status.get("state", "new"))
    return "interrupted" if state == "running" and not _is_held(folder / LOCK) else state


def _is_held(lock: Path) -> bool:
    if lock.is_symlink() or not lock.is_file():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except OSError:  # it is held, or may not be asked, and then the run is taken at its word
        return True
