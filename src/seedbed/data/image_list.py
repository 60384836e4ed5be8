"""Which images there are, of which class each, and of which part where that is laid down."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seedbed.data.pictures import image_files, is_hidden
from seedbed.errors import DataError

PARTS = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
"""The folders above the classes, and the part that each is."""

HEADER = ("file", "label")


@dataclass(frozen=True)
class Listed:
    """An image's file, with what is known of it."""

    file: Path
    label: str
    part: str | None = None
    """`train`, `val` or `test`; None where the parts are to be drawn."""


def listed(path: Path) -> list[Listed]:
    """The images of a folder of a folder a class, or of folders by part above those; or of a CSV.

    Such a file has a header `file,label`, and its images are beside it.

    Raises:
        DataError: If it is neither.
    """
    if path.is_file():
        return [*_of_csv(path)]
    folders = _folders(path)
    if "train" not in folders or not _folders(folders["train"]):
        return [*_of_classes(path, None)]
    if unknown := [name for name in folders if name not in PARTS]:
        raise DataError(
            f"{path}: beside train/ there is {unknown[0]}/; expected {', '.join(PARTS)} alone."
        )
    return [one for name, folder in folders.items() for one in _of_classes(folder, PARTS[name])]


def _folders(path: Path) -> dict[str, Path]:
    if not path.is_dir():
        raise DataError(f"{path}: there is no such folder or file.")
    return {
        one.name: one for one in sorted(path.iterdir()) if one.is_dir() and not is_hidden(one.name)
    }


def _of_classes(path: Path, part: str | None) -> Iterator[Listed]:
    classes = _folders(path)
    if not classes:
        raise DataError(
            f"{path}: has no folders; expected a folder of images for each class, or instead of "
            "the folder a CSV file of file,label."
        )
    for label, folder in classes.items():
        for file in image_files(folder):
            yield Listed(file, label, part)


def _of_csv(path: Path) -> Iterator[Listed]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            header, *rows = [*csv.reader(lines)] or [[]]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a CSV file of file,label ({error}).") from None
    if not {*HEADER} <= {*header}:
        got = ",".join(header)[:80]
        raise DataError(f"{path}, row 1: expected the columns file and label, got {got}.")
    file, label = map(header.index, HEADER)
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(header) or not (row[file] and row[label]):
            raise DataError(f"{path}, row {number}: expected a file and its label, got {row}.")
        yield Listed(path.parent / row[file], row[label])
