"""Where a run came from: enough to say later what differs from doing it again."""

import hashlib
import importlib.metadata
import os
import platform
import re
import stat
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch

from seedbed.config.build import Study
from seedbed.processes.distributed import typed_command
from seedbed.project import ROOT, VERSION
from seedbed.record.directory import now

KEPT = 1_000_000
"""Characters recorded at most of uncommitted changes, and of all files that git does not track."""

LARGEST = 10_000_000
"""Bytes of the largest of those files that is read for its digest."""

MOST = 1000
"""How many of them are recorded."""

CODE = (".py", ".yaml", ".toml")
"""Their endings: what else lies about, as passwords or data, is not passed on."""

PACKAGES = (
    *("torch", "lightning", "torchmetrics", "hydra-core", "omegaconf", "numpy", "scikit-learn"),
    *("pytorch-optimizer", "optuna"),
)


def of_process() -> dict[str, Any]:
    """Describe the command, the time, the code, the versions and the machine."""
    return {
        "command": typed_command(),
        "time": now(),
        "git": code(),
        "versions": {"python": platform.python_version(), "seedbed": VERSION}
        | {name: importlib.metadata.version(name) for name in PACKAGES},
        "hardware": {
            "machine": platform.machine(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "accelerators": [*map(torch.cuda.get_device_name, range(torch.cuda.device_count()))],
        },
    }


def collect(study: Study, *, seed: int, weights: dict[str, str] | None) -> dict[str, Any]:
    """Describe all that a run comes from: this process, and what it trains on what.

    Args:
        study: What is run; each of its processes has as many threads as this one.
        seed: The run's seed.
        weights: The file that the initial weights are from; None if from an initialiser.
    """
    trainer = study.trainer
    return of_process() | {
        "seed": seed,
        "processes": trainer.world_size,
        "threads": trainer.world_size * torch.get_num_threads(),
        "device": trainer.strategy.root_device.type,
        "precision": str(trainer.precision),
        "data": getattr(study.datamodule, "facts", {}),
        "sizes": dict(getattr(study.datamodule, "sizes", None) or {}),
        "weights": weights,
    }


def resumed(first: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Add a later start to the record of a run's first, which stays as it was.

    Args:
        first: The run's record so far.
        later: What `collect` says at the later start; of its versions only others are kept, and
            its device only where that is another.
    """
    start = {"command": later["command"], "time": later["time"], "commit": later["git"]["commit"]}
    if later["device"] != first.get("device", later["device"]):
        start["device"] = later["device"]
    known = first.get("versions", {})
    if others := {name: v for name, v in later["versions"].items() if v != known.get(name)}:
        start["versions"] = others
    return first | {"resumed": [*first.get("resumed", []), start]}


@cache
def code() -> dict[str, Any]:
    """The state of the project's code when this process, which has it imported, first asked."""
    return git_state(ROOT)


def git_state(folder: Path) -> dict[str, Any]:
    """What code a checkout holds; None, and no files, where a folder is not the whole of one.

    A repository around the folder, as of a user's dotfiles, is not asked.

    Returns:
        `commit`; `diff`, the uncommitted changes; and `untracked`, of each file of code that git
        neither tracks nor ignores the `sha256`, None for one that cannot be read or is larger than
        `LARGEST`, and the `text`, None for one that is more than what is left of `KEPT`. Where git
        refuses to look, `refusal` says why.
    """
    state: dict[str, Any] = {"commit": None, "diff": None, "untracked": {}}
    root, refusal = _git(folder, "rev-parse", "--show-toplevel")
    if root is None or Path(root.rstrip("\n")) != folder.resolve():
        is_unsafe = "safe.directory" in refusal
        return state | ({"refusal": " ".join(refusal.split())} if is_unsafe else {})
    commit, _ = _git(folder, "rev-parse", "HEAD")
    diff, _ = _git(folder, "diff", "--no-color", "--no-ext-diff", "HEAD")
    listed, _ = _git(folder, "ls-files", "--others", "--exclude-standard", "-z")
    names = [name for name in (listed or "").split("\0") if name.endswith(CODE)][:MOST]
    left = KEPT
    for name in names:
        text = _text(folder / name, left)
        left -= len(text or "")
        state["untracked"][name] = {"sha256": _sha256(folder / name), "text": text}
    if diff and len(diff) > KEPT:
        diff = f"{diff[:KEPT]}\n… cut here: {len(diff) - KEPT:,} more characters\n"
    return state | {"commit": commit and commit.strip(), "diff": diff}


def _git(folder: Path, *arguments: str) -> tuple[str | None, str]:
    """What git prints, None if it fails; and what it says about that."""
    # A hook's variables name another repository or index; those of the user's settings are kept.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG_")
    }
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None, ""
    return (None if done.returncode else done.stdout), done.stderr


def _is_small(path: Path, most: int) -> bool:
    """Whether a file, and no link to one elsewhere or a pipe, has at most so many bytes."""
    status = path.lstat()
    return stat.S_ISREG(status.st_mode) and status.st_size <= most


def _sha256(path: Path) -> str | None:
    """A file's digest, or None where it is none, or too large."""
    try:
        if not _is_small(path, LARGEST):
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _text(path: Path, most: int) -> str | None:
    """A file's text, or None where it is none, or longer than `most`."""
    try:
        text = path.read_text(encoding="utf-8") if _is_small(path, most) else "\0"
    except (OSError, UnicodeDecodeError):
        return None
    return None if "\0" in text else text


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    found = re.search("^model name.*?: (.*)", text, re.MULTILINE)
    return found[1] if found else ""
