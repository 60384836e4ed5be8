"""A checkpoint's file: placed whole or not at all, and checked when it is opened.

`seedbed.record.archive` reads plain types and tensors alone, and finds a flipped bit by the
checksums of the zip archive that the file is. Here the parts that every reader of a checkpoint
relies on are checked; whether they match a run's net, optimizer and so on is checked where these
are.

Imports torch late, because tables of runs, which need no torch, know files by these names.
"""

import os
from pathlib import Path
from typing import Any

from seedbed.errors import DamagedError, RunError
from seedbed.files import UNREADABLE, atomic_write

FOLDER = "checkpoints"
BEST = "best.ckpt"
LAST = "last.ckpt"

_own: set[tuple[int, ...]] = set()
"""The files that this process has placed."""


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
        _own.add(_identity(path))
    except (OSError, RuntimeError) as error:
        # Torch hides a failed write behind an error of its own, about places in the file.
        cause = error if isinstance(error, OSError) else error.__context__
        if isinstance(cause, OSError):
            raise OSError(cause.errno, cause.strerror, str(path)) from None
        raise


def is_own(path: Path) -> bool:
    """Whether the file that is there is one that this very process has placed, unchanged since."""
    return path.is_file() and _identity(path) in _own


def reopen(path: Path) -> dict[str, Any]:
    """Open a checkpoint directly where this process wrote it, and with all checks where not."""
    if not is_own(path):
        return load(path)
    import torch

    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _identity(path: Path) -> tuple[int, ...]:
    """What no other file has, and this one no longer once it is written to."""
    status = path.stat()
    times = status.st_mtime_ns, status.st_ctime_ns
    return status.st_dev, status.st_ino, status.st_size, *times


KINDS: dict[str, type] = {
    "state_dict": dict,
    "global_step": int,
    "steps": int,
    "epoch": int,
    "pytorch-lightning_version": str,
    "loops": dict,
    "callbacks": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
    "metrics": dict,
    "random_states": list,
    "running": list,
    "stopped_early": bool,
}
"""What the parts of a checkpoint are; files of weights alone have the first two."""


def load(path: Path) -> dict[str, Any]:
    """Open a checkpoint, its tensors on the processor.

    Raises:
        DamagedError: If it is not as it was written.
        RunError: If there is none, it may not be read, or it holds more than plain types, or
            something else.
    """
    from seedbed.record.archive import ForeignTypeError, read

    if not path.is_file():
        raise RunError(f"{path}: there is no such checkpoint.")
    try:
        state = read(path)
    except PermissionError as error:  # nothing is wrong with the file
        raise RunError(f"{path}: cannot be read ({error.strerror}).") from None
    except UNREADABLE as error:
        raise DamagedError(f"{path} is damaged, cut short or altered: {error}") from None
    except ForeignTypeError as error:
        raise RunError(
            f"{path} holds pickled objects ({error}), which could run code when they are opened. "
            "A checkpoint of this project holds tensors and plain values only."
        ) from None
    if not isinstance(state, dict) or not {"state_dict", "global_step"} <= set(state):
        raise RunError(f"{path} is no checkpoint of a run: it has no weights and step.")
    for name, kind in KINDS.items():
        if name in state and type(state[name]) is not kind:
            came = type(state[name]).__name__
            raise RunError(f"{path}: {name}: expected {kind.__name__}, got {came}")
    for name in ("optimizer_states", "lr_schedulers", "random_states", "running"):
        if not all(type(each) is dict for each in state.get(name, [])):
            raise RunError(f"{path}: {name}: expected a dict each")
    for name, value in state.get("metrics", {}).items():
        if type(name) is not str or type(value) not in (int, float):
            raise RunError(f"{path}: metrics.{name!s:.80}: expected a number")
    if (least := min(state["global_step"], state.get("steps", 0))) < 0:
        raise RunError(f"{path}: global_step, steps: expected 0 or more, got {least}")
    return state
