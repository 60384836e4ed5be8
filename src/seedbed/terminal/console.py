"""The terminal as rich draws on it: the log's lines, and bars below them."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.segment import Segment

from seedbed.terminal import printable


class PlainConsole(Console):
    """Prints text as it is, `[red]` and `:smile:` too, and draws bars on a terminal alone.

    What a terminal would obey is shown as a code, but for what rich itself puts there.
    To rich, FORCE_COLOR makes a terminal of a pipe.
    """

    def __init__(self) -> None:
        super().__init__(highlight=False, soft_wrap=True, markup=False, emoji=False)

    def render(self, *args: Any, **kwargs: Any) -> Iterable[Segment]:
        """Draw."""
        for text, style, control in super().render(*args, **kwargs):
            yield Segment(text if control else printable(text), style, control)

    def __exit__(self, *of_error: Any) -> None:
        """Write what was printed; nowhere, once its terminal has hung up: a signal follows."""
        try:
            super().__exit__(*of_error)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            for number in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)

    @property
    def is_terminal(self) -> bool:
        """Whether it is a terminal, which a user may be watching."""
        return self.file.isatty()


console = PlainConsole()
"""The terminal. A progress bar drawn on it stays below the lines logged."""


@contextmanager
def on_stderr() -> Iterator[None]:
    """Show the log there, where what is printed is for a program."""
    console.stderr = True
    try:
        yield
    finally:
        console.stderr = False
