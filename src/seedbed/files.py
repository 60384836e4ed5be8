"""Files that are placed whole: written beside their place, then put there by one rename.

So a write that fails, or is killed, never harms the old file, and a reader never sees half of the
new one. Price: a killed write leaves its temporary file behind.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seedbed.errors import RunError


@contextmanager
def placed(path: Path) -> Iterator[Path]:
    """Give a file to write to, this process's own, that takes the place of `path` at the end."""
    temporary = path.with_name(f".{os.getpid()}.{path.name}")  # writers go by the ending
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Explain that nothing can be written to a folder or file.

    Raises:
        RunError: Instead of the system's error.
    """
    try:
        yield
    except OSError as error:
        place = error.filename or place
        raise RunError(
            f"{place}: cannot be written ({error.strerror}). Choose another place."
        ) from None


def place_text(path: Path, text: str) -> None:
    """Place a text file whole."""
    with placed(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
