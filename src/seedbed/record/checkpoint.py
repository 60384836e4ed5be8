"""A checkpoint's file: placed whole or not at all, and opened with suspicion.

`torch.load` accepts a flipped bit in silence; the checksums of the zip archive that the file is
find it. Plain types alone are loaded, so that a file from elsewhere cannot run code. Price: a file
is read twice to be opened.

Imports torch late, because tables of runs, which need no torch, know files by these names.
"""

import os
import zipfile
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from seedbed.errors import DamagedError, RunError
from seedbed.files import UNREADABLE, atomic_write

FOLDER = "checkpoints"
BEST = "best.ckpt"
LAST = "last.ckpt"


def checkpoint_at(place: Path) -> Path:
    """The best checkpoint of a run's directory; of a file, itself."""
    return place / FOLDER / BEST if place.is_dir() else place


def save(state: dict[str, Any], path: Path) -> None:
    """Place a checkpoint whole, and on the disk before the old one goes.

    Raises:
        OSError: Naming the file, if it cannot be written, as on a full disk.
    """
    import torch

    try:
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:
        # Torch hides a failed write behind an error of its own, about places in the file.
        cause = error if isinstance(error, OSError) else error.__context__
        if isinstance(cause, OSError):
            raise OSError(cause.errno, cause.strerror, str(path)) from None
        raise


def load(path: Path) -> dict[str, Any]:
    """Open a checkpoint, its tensors on the processor.

    Raises:
        DamagedError: If it is not as it was written.
        RunError: If there is none, it may not be read, or it holds more than plain types, or
            something else.
    """
    import torch
    from torch.serialization import get_unsafe_globals_in_checkpoint

    if not path.is_file():
        raise RunError(f"{path}: there is no such checkpoint.")
    try:
        with zipfile.ZipFile(path) as archive:
            altered = archive.testzip()
        if altered:
            raise DamagedError(f"{path} is damaged: {altered} does not agree with its checksum.")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError as error:  # nothing is wrong with the file
        raise RunError(f"{path}: cannot be read ({error.strerror}).") from None
    except UNREADABLE as error:
        raise DamagedError(f"{path} is damaged, cut short or altered: {error}") from None
    except UnpicklingError:
        names = ", ".join(get_unsafe_globals_in_checkpoint(path)) or "in an unknown form"
        raise RunError(
            f"{path} holds pickled objects ({names}), which could run code when they are opened. "
            "A checkpoint of this project holds tensors and plain values only."
        ) from None
    if not isinstance(state, dict) or not {"state_dict", "global_step"} <= set(state):
        raise RunError(f"{path} is no checkpoint of a run: it has no weights and step.")
    return state
