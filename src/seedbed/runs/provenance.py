"""Where a run came from: enough to say later what differs from doing it again."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

KEPT = 1_000_000
"""Characters of files that git does not track which are recorded at most, all files together."""

PACKAGES = ("torch", "lightning", "torchmetrics", "hydra-core", "omegaconf", "numpy", "seedbed")


def collect(
    *, seed: int, precision: str, data: dict[str, Any], weights: dict[str, str] | None
) -> dict[str, Any]:
    """Describe the command, the code, the versions, the machine and the data.

    Args:
        seed: The run's seed.
        precision: The Trainer's precision, as `32-true`.
        data: What the DataModule says of its source.
        weights: The file that the initial weights are from; None if from an initialiser.
    """
    return {
        "command": [sys.executable, *sys.argv],
        "seed": seed,
        "git": git_state(Path(__file__).parent),
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
        "threads": torch.get_num_threads(),
        "precision": precision,
        "data": data,
        "weights": weights,
    }


def git_state(folder: Path) -> dict[str, Any]:
    """What code the checkout around a folder holds; None, and no files, where there is none.

    Returns:
        `commit`; `diff`, the uncommitted changes; and `untracked`, the text of each file that git
        neither tracks nor ignores, None for one that is no text or more than what is left of
        `KEPT`.
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
    untracked: dict[str, str | None] = {}
    left = KEPT
    for name in filter(None, (listed or "").split("\0")):
        text = untracked[name] = _text(Path((root or "").rstrip("\n"), name), left)
        left -= len(text or "")
    return {
        "commit": commit and commit.strip(),
        "diff": git("diff", "--no-color", "--no-ext-diff", "HEAD"),
        "untracked": untracked,
    }


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
