"""What the user reads: one log, shown on the terminal and kept in the run's `train.log`."""

import errno
import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from rich.console import Console

from seedbed.errors import SeedbedError


@dataclass
class _UntilHangUp:
    """A stream that takes what is written also where its terminal has hung up."""

    stream: IO[str]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        with _hanging_up():
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with _hanging_up():
            self.stream.flush()


@contextmanager
def _hanging_up() -> Iterator[None]:
    """Have all that is printed go nowhere from where a terminal refuses it; a signal follows."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        for number in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)


class PlainConsole(Console):
    """Prints text as it is, `[red]` and `:smile:` too, and draws bars on a terminal alone.

    To rich, FORCE_COLOR makes a terminal of a pipe.
    """

    def __init__(self) -> None:
        super().__init__(highlight=False, soft_wrap=True, markup=False, emoji=False)

    @property
    def file(self) -> IO[str]:
        """Standard output, or standard error."""
        return cast(IO[str], _UntilHangUp(super().file))

    @file.setter
    def file(self, new: IO[str]) -> None:
        self._file = new

    @property
    def is_terminal(self) -> bool:
        """Whether somebody may be looking."""
        return self.file.isatty()


console = PlainConsole()
"""The terminal. A progress bar drawn on it stays below the lines logged."""


def print_any_character() -> None:
    """Have what the terminal's encoding lacks be shown by its code, where it would be an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def on_stderr() -> Iterator[None]:
    """Show the log there, where what is printed is for a program."""
    console.stderr = True
    try:
        yield
    finally:
        console.stderr = False


log = logging.getLogger("seedbed")
log.setLevel(logging.INFO)
log.propagate = False


class _Terminal(logging.Handler):
    """Prints messages as they are, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        console.print(self.format(record))


class _Timed(logging.Formatter):
    """Puts the time before a message's first line that is not blank."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        text = record.message.lstrip("\n")
        blank = "\n" * (len(record.message) - len(text))
        return f"{blank}{record.asctime}  {text}"


class _File(logging.FileHandler):
    """Appends messages; of one that a full disk does not take, the checkpoint's error tells."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Print no trace."""

    def close(self) -> None:
        """Give up what could not be written."""
        with suppress(OSError):
            super().close()


log.addHandler(_Terminal())


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Also append what is logged, with the time, to a file."""
    handler = _File(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_Timed("%(asctime)s", "%Y-%m-%d %H:%M:%S"))
    log.addHandler(handler)
    try:
        yield
    except Exception as error:
        # The terminal gets the message or the trace from whoever catches this.
        explained = isinstance(error, SeedbedError)
        record = log.makeRecord(
            log.name, logging.ERROR, "", 0, str(error), (), None if explained else sys.exc_info()
        )
        handler.emit(record)
        raise
    finally:
        log.removeHandler(handler)
        handler.close()
