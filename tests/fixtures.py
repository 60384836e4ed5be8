"""The types of what the shared fixtures give."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Called:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


Command = Callable[..., Called]
"""Calls `seedbed` with these words, in this process."""

MakeRun = Callable[..., Path]
"""Writes the files of a run of a name and of some validation losses."""
