"""Files that are placed whole: written beside their place, then put there by one rename.

So a write that fails, or is killed, never harms the old file, and a reader never sees half of the
new one. Trade-off: a killed write leaves its temporary file behind.

A folder from elsewhere may hold links, by which a write would land outside it; those are refused.
"""

import csv
import os
import stat
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from seedbed.errors import RunError

UNREADABLE = (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError)
"""What reading a zip archive raises that is not there or damaged, by the place of the damage."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a file to write to, this process's own, that takes the place of `path` at the end."""
    temporary = path.with_name(f".{os.getpid()}.{path.name}")  # writers go by the ending
    temporary.unlink(missing_ok=True)  # it may be a pipe, in a folder from elsewhere
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
    with atomic_write(path) as temporary:
        # What of a name is not UTF-8 gets the code that JSON has for it.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def place_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Place a table whole, its header the first of the rows."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, rows)


def write_csv(file: IO[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table; a text that a spreadsheet would take for a formula gets a `'` before it."""
    plain, careful = csv.writer(file, lineterminator="\n"), csv.writer(file)
    for row in rows:
        cells = [*map(_cell, row)]
        # Python puts a text with a carriage return in quotes only where that may end a line.
        has_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)
        (careful if has_return else plain).writerow(cells)


def _cell(value: object) -> object:
    if value is None or isinstance(value, int | float):
        return value
    text = str(value).encode(errors="backslashreplace").decode()  # a name may be no UTF-8
    if not text.startswith(("=", "+", "-", "@", "\t", "\r")):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def refuse_links_out(folder: Path, *, special: bool = True) -> None:
    """Refuse to write to a folder that shares a place with the world outside it.

    A symbolic link may point within the folder. A file with a second name may have it anywhere.

    Args:
        folder: Where something is to be written.
        special: Whether pipes and devices are refused too, of which those that are placed whole
            have no need.

    Raises:
        RunError: Naming the link.
    """
    inside = Path(os.path.realpath(folder))
    for place, folders, names in os.walk(folder):  # which follows no link
        for name in (*folders, *names):
            path = Path(place, name)
            if _leads_out(path, inside):
                raise RunError(
                    f"{path} is a link out of {folder}, so nothing is written there. Put a copy "
                    "of what it leads to in its place."
                )
            if special and _is_special(path):
                raise RunError(
                    f"{path} is a pipe or a device, so nothing is written there. Remove it."
                )


def _leads_out(path: Path, inside: Path) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:  # a writer's temporary file, placed by now
        return False
    if stat.S_ISLNK(status.st_mode):
        return not Path(os.path.realpath(path)).is_relative_to(inside)
    return stat.S_ISREG(status.st_mode) and status.st_nlink > 1


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
