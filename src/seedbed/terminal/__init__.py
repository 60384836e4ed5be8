"""What the user reads: one log, shown on the terminal and kept in the run's `train.log`.

Rich, a tenth of the time that `--cfg job` takes, is imported when the first line is logged.

Names, settings and messages may be a stranger's: what a terminal would obey is shown as its code.
"""

import io
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from seedbed.errors import SeedbedError

OBEYED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and newline, what reorders text, and what is no character."""

BYTES = range(0xDC80, 0xDD00)
"""What stands for the bytes of a name that is not UTF-8."""


WIDEST = 300
"""Characters that a cell of a table may have."""


def printable(text: str) -> str:
    r"""A text as it may be printed, with codes as `\x1b` for what a terminal would obey."""
    return OBEYED.sub(_code, text)


def _code(match: re.Match[str]) -> str:
    number = ord(match[0])
    number -= 0xDC00 if number in BYTES else 0
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def say(text: str, *, err: bool = False, nl: bool = True, code: str = "") -> None:
    """Print a text.

    Args:
        text: The text.
        err: Print it to standard error.
        nl: End it with a new line.
        code: How the number of a character that a terminal would obey is shown, if not as usual.
    """
    shown = OBEYED.sub(lambda c: code.format(ord(c[0])), text) if code else printable(text)
    print(shown, end="\n" if nl else "", file=sys.stderr if err else sys.stdout, flush=True)


def cut(text: str) -> str:
    """A text as a cell or a label has room for it."""
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def aligned(rows: Iterable[Sequence[str]], to_the_right: Sequence[int]) -> str:
    """A table in columns, of which some are aligned to the right."""
    from rich.cells import cell_len

    cells = [[printable(re.sub(r"\s", " ", cut(cell))) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        line = ""
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            room = " " * (width - cell_len(cell))
            line += room + cell + "  " if column in to_the_right else cell + room + "  "
        lines.append(line.rstrip())
    return "\n".join(lines)


def print_any_character() -> None:
    """Have what the terminal's encoding lacks be shown by its code, where it would be an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


log = logging.getLogger("seedbed")
log.setLevel(logging.INFO)
log.propagate = False


class _Terminal(logging.Handler):
    """Prints messages as they are, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        from seedbed.terminal.console import console

        console.print(self.format(record))


class _Timed(logging.Formatter):
    """Puts the time before a message's first line that is not blank."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        text = record.message.lstrip("\n")
        blank = "\n" * (len(record.message) - len(text))
        return f"{blank}{record.asctime}  {text}"


class _File(logging.FileHandler):
    """Appends messages; where the disk is full, the checkpoint's error reports it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Print no trace."""

    def close(self) -> None:
        """Give up what could not be written."""
        with suppress(OSError):
            super().close()


def _made_printable(record: logging.LogRecord) -> bool:
    record.msg, record.args = printable(record.getMessage()), None
    return True


log.addFilter(_made_printable)
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
        trace = None if explained else sys.exc_info()
        words = printable(str(error))
        handler.emit(log.makeRecord(log.name, logging.ERROR, "", 0, words, (), trace))
        raise
    finally:
        log.removeHandler(handler)
        handler.close()
