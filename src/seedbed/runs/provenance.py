"""Where a run came from: enough to say later what differs from doing it again."""

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import torch

from seedbed.processes.launch import typed_command
from seedbed.record.directory import now

KEPT = 1_000_000
"""Characters of files that git does not track which are recorded at most, all files together."""

CODE = (".py", ".yaml", ".toml")
"""The endings of those files: what else lies about, as passwords or data, is not passed on."""

PACKAGES = (
    *("torch", "lightning", "torchmetrics", "hydra-core", "omegaconf", "numpy", "scikit-learn"),
    *("pytorch-optimizer", "optuna", "seedbed"),
)


def collect(
    *,
    seed: int,
    device: str,
    precision: str,
    processes: int,
    data: dict[str, Any],
    weights: dict[str, str] | None,
) -> dict[str, Any]:
    """Describe the command, the time, the code, the versions, the machine and the data.

    Args:
        seed: The run's seed.
        device: The kind of device it is on, as `cuda`.
        precision: The Trainer's precision, as `32-true`.
        processes: How many train together; each with as many threads as this one.
        data: What the DataModule says of its source.
        weights: The file that the initial weights are from; None if from an initialiser.
    """
    return {
        "command": typed_command(),
        "time": now(),
        "seed": seed,
        "git": code(),
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in PACKAGES},
        "hardware": {
            "machine": platform.machine(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "accelerators": [
                torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())
            ],
        },
        "processes": processes,
        "threads": processes * torch.get_num_threads(),
        "device": device,
        "precision": precision,
        "data": data,
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
    return git_state(Path(__file__).parent)


def git_state(folder: Path) -> dict[str, Any]:
    """What code the checkout around a folder holds; None, and no files, where there is none.

    Returns:
        `commit`; `diff`, the uncommitted changes; and `untracked`, of each file that git neither
        tracks nor ignores the `sha256`, None for one that cannot be read, and the `text`, None for
        one that is no code or more than what is left of `KEPT`.
    """

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments],
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=True,
                timeout=10,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout

    root, commit = git("rev-parse", "--show-toplevel"), git("rev-parse", "HEAD")
    listed = git("ls-files", "--others", "--exclude-standard", "--full-name", "-z", ":/")
    untracked: dict[str, dict[str, str | None]] = {}
    left = KEPT
    for name in filter(None, (listed or "").split("\0")):
        path = Path((root or "").rstrip("\n"), name)
        text = _text(path, left) if path.suffix in CODE else None
        left -= len(text or "")
        untracked[name] = {"sha256": _sha256(path), "text": text}
    return {
        "commit": commit and commit.strip(),
        "diff": git("diff", "--no-color", "--no-ext-diff", "HEAD"),
        "untracked": untracked,
    }


def _sha256(path: Path) -> str | None:
    """A file's digest, or None where it is none."""
    try:
        if not path.is_file():  # a pipe would never end
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _text(path: Path, most: int) -> str | None:
    """A file's text, or None where it is none, or longer than `most`."""
    try:
        if not path.is_file() or path.stat().st_size > most:
            return None
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return None if "\0" in text else text


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
