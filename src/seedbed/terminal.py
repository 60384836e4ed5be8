"""What the user reads: one log, shown on the terminal and kept in the run's `train.log`."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from seedbed.errors import SeedbedError

console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
"""The terminal, where text prints as it is, `[red]` and `:smile:` too.

A progress bar drawn on it stays below the lines logged.
"""


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
    handler = _File(path, encoding="utf-8")
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
