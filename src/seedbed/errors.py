"""Everything a user can cause to go wrong, as one small tree.

    SeedbedError             it failed; the command exits with status 1
    ├── FetchError           a data set cannot be fetched, or not be kept
    │   └── MirrorsError     no mirror delivered it; exit status 3
    ├── TrainingError        the fit itself broke down (a loss that is not finite)
    ├── LostProcessError     another process of the run has ended; exit status 4
    ├── ProcessError         a process of the run has failed; has its exit status
    ├── SweepError           jobs of a sweep failed; the others are done
    └── UsageError           the call was wrong; exit status 2
        ├── SettingError     a setting, or several, are misspelt or of the wrong type
        ├── DataError        a data file is missing, malformed, too small or altered
        └── RunError         a run directory cannot be used as asked
            └── DamagedError a checkpoint is not as it was written

Each message says what was expected, what came, and what to do about it. The command line prints
the message alone, without a traceback.
"""

import os
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

NO_MEMORY = ("allocate memory", "not enough memory", "out of memory", "size calculation overflowed")
"""What torch says where there is none; the first two of a processor, the third of a GPU."""


class SeedbedError(Exception):
    """Root of all errors that are explained to the user instead of traced."""

    exit_status = 1


class FetchError(SeedbedError):
    """A data set cannot be fetched, or not be kept where it should be."""


class MirrorsError(FetchError):
    """No mirror delivered a data set whole and with the right checksum.

    It has a status of its own, because `make train` then goes on without the data set.
    """

    exit_status = 3


class TrainingError(SeedbedError):
    """The fit broke down; names the quantity and the step."""


class LostProcessError(SeedbedError):
    """Another process of the run has ended, and this one cannot go on alone.

    It has a status of its own, because the cause is what the other one says.
    """

    exit_status = 4


class ProcessError(SeedbedError):
    """A process that was started for the run has failed; has its message and its exit status."""

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class SweepError(SeedbedError):
    """Jobs of a sweep failed; names each with its error and its directory."""


class UsageError(SeedbedError):
    """The call was wrong, and nothing was changed."""

    exit_status = 2


class SettingError(UsageError):
    """One or more settings are wrong; the message lists every one."""


class DataError(UsageError):
    """A data file cannot be used; the message names the file and the place in it."""


class RunError(UsageError):
    """A run directory is not one, is in use, or is not in the state the call needs."""


class DamagedError(RunError):
    """A checkpoint is cut short or altered."""


def out_of_memory(error: BaseException) -> TrainingError | None:
    """Explain torch's error, NumPy's or Python's, of what fits into no memory; None for others."""
    said = str(error).partition("\n")[0]
    by_torch = isinstance(error, RuntimeError) and any(words in said for words in NO_MEMORY)
    if not (by_torch or isinstance(error, MemoryError)):
        return None
    return TrainingError(
        f"Out of memory ({said or 'as Python says'}). A smaller net, batch (data.batch_size) "
        "or data set may fit."
    )


def memory() -> int:
    """Bytes of this machine's memory; without a bound where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return sys.maxsize


LISTED = 12
"""How many names or lines a message lists."""


def listed(lines: Iterable[str]) -> str:
    """The first of some lines, indented below what is before them; empty if there are none."""
    found = [*islice(lines, LISTED + 1)]
    found[LISTED:] = ["…"] * (len(found) > LISTED)
    return "\n    ".join(found)


def nearest(name: str, known: Iterable[object], *, shown_by: str = "") -> str:
    """Say which known names are like this one, or which there are.

    Of more than a dozen the first are listed; `shown_by` is the command that shows all.
    """
    names = sorted(map(str, known))
    if not names:
        return "there is none."
    close = get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    if len(names) > LISTED:
        rest = f"and {len(names) - LISTED} more"
        names[LISTED:] = [f"{rest}; {shown_by} shows all" if shown_by else rest]
    return "there is " + ", ".join(names) + "."
