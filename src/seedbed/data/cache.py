"""Processed corpora on disk: one file each, made once, by one of several processes, placed whole.

The zip that NumPy writes keeps a checksum of every array, so a damaged file is noticed when it is
read, and made again.
"""

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock

from seedbed.data.tokens import TokenSplits
from seedbed.data.vocabulary import Vocabulary
from seedbed.errors import FetchError
from seedbed.files import UNREADABLE, atomic_write

FORMAT = 1
"""Raise it when the processing changes, so that older files are made again."""

MISSING = (KeyError, *UNREADABLE)
"""What reading a file raises that is not there, damaged, or another one."""


def tokens(data_dir: Path, key: str, make: Callable[[], TokenSplits]) -> TokenSplits:
    """Return the corpus stored under `key`, or make and store it.

    Raises:
        FetchError: If it cannot be stored.
    """
    path = data_dir / "processed" / f"{key}-v{FORMAT}.npz"
    with suppress(*MISSING):
        return _read(path)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        held = FileLock(path.with_name(f".{path.name}.lock")).acquire()
    with held:
        with suppress(*MISSING):  # another process may have made it meanwhile
            return _read(path)
        splits = make()
        with _writing(path):
            _write(path, splits)
    return splits


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FetchError(
            f"{path}: cannot be written ({error.strerror}). Make room there, or choose another "
            "folder with the environment variable SEEDBED_DATA_DIR."
        ) from None


def _read(path: Path) -> TokenSplits:
    # NumPy reads as far as an array's own header says, so a damaged one would end before the check.
    with zipfile.ZipFile(path) as file:
        if damaged := file.testzip():
            raise zipfile.BadZipFile(damaged)
    with np.load(path, allow_pickle=False) as arrays:
        header = json.loads(arrays["header"].tobytes())
        parts = {name: arrays[name] for name in header["parts"]}
    return TokenSplits(
        vocabulary=Vocabulary(header["vocabulary"]),
        train=parts["train"],
        val=parts["val"],
        test=parts.get("test"),
        facts=header["facts"],
    )


def _write(path: Path, splits: TokenSplits) -> None:
    parts = {"train": splits.train, "val": splits.val, "test": splits.test}
    present = {name: part for name, part in parts.items() if part is not None}
    header = {
        "vocabulary": splits.vocabulary.characters,
        "facts": splits.facts,
        "parts": list(present),
    }
    encoded = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with atomic_write(path) as temporary:
        np.savez(temporary, header=encoded, **present)  # type: ignore[arg-type]
