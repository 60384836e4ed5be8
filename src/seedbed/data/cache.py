"""Processed corpora on disk: a folder each, made once, by one of several processes, placed whole.

A corpus's token streams are files that are mapped, not read, so they may be larger than memory. A
checksum of each file is kept, so a damaged one is noticed when a corpus is opened, and made again.
Trade-off: all of it is read once for that.
"""

import json
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock

from seedbed.data.tokens import TokenSplits
from seedbed.data.vocabulary import Vocabulary
from seedbed.errors import FetchError
from seedbed.files import UNREADABLE

FORMAT = 2
"""Raise it when the processing changes, so that older files are made again."""

MISSING = (AttributeError, KeyError, TypeError, *UNREADABLE)
"""What opening a corpus raises that is not there, damaged, or another one."""

CHECKSUMS = "checksums.json"

HEADER = "header.json"


def tokens(data_dir: Path, key: str, make: Callable[[Path], TokenSplits]) -> TokenSplits:
    """Return the corpus stored under `key`, or make and store it.

    Args:
        data_dir: The data folder.
        key: The corpus's name.
        make: Makes the corpus; given a folder where a stream may be mapped from the file
            `stream_file` names.

    Raises:
        FetchError: If it cannot be stored.
    """
    place = data_dir / "processed" / f"{key}-v{FORMAT}"
    with suppress(*MISSING):
        return _read(place)
    with _writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(place.with_name(f".{place.name}.lock")).acquire()
    with held:
        with suppress(*MISSING):  # another process may have made it meanwhile
            return _read(place)
        unfinished = place.with_name(f".{place.name}")  # the lock's holder has it for itself
        try:
            with _writing(place):
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                splits = make(unfinished)
                _write(unfinished, splits)
                shutil.rmtree(place, ignore_errors=True)
                unfinished.replace(place)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return _read(place)


def stream_file(folder: Path, part: str) -> Path:
    """Where a part's stream is kept in a corpus's folder."""
    return folder / f"{part}.npy"


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FetchError(
            f"{path}: cannot be written ({error.strerror}). Make room there, or choose another "
            "folder with the environment variable SEEDBED_DATA_DIR."
        ) from None


def _read(folder: Path) -> TokenSplits:
    for name, checksum in json.loads((folder / CHECKSUMS).read_text()).items():
        if _checksum(folder / name) != checksum:
            raise ValueError(name)
    header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
    # A plain array on the mapped memory, because indexing NumPy's own class for it takes longer.
    parts = {
        name: np.load(stream_file(folder, name), mmap_mode="r", allow_pickle=False).view(np.ndarray)
        for name in header["parts"]
    }
    return TokenSplits(
        vocabulary=Vocabulary(header["vocabulary"]),
        train=parts["train"],
        val=parts["val"],
        test=parts.get("test"),
        facts=header["facts"],
    )


def _write(folder: Path, splits: TokenSplits) -> None:
    parts = {"train": splits.train, "val": splits.val, "test": splits.test}
    present = {name: part for name, part in parts.items() if part is not None}
    for name, part in present.items():
        if not stream_file(folder, name).exists():
            np.save(stream_file(folder, name), part)
    header = {
        "vocabulary": splits.vocabulary.characters,
        "facts": splits.facts,
        "parts": list(present),
    }
    (folder / HEADER).write_text(json.dumps(header), encoding="utf-8")
    checksums = {path.name: _checksum(path) for path in sorted(folder.iterdir())}
    (folder / CHECKSUMS).write_text(json.dumps(checksums))


def _checksum(path: Path) -> int:
    found = 0
    with path.open("rb") as file:
        while block := file.read(2**20):
            found = zlib.crc32(block, found)
    return found
