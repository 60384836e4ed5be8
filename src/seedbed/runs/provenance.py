"""Where a run came from: enough to say later what differs from doing it again."""

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("torch", "lightning", "torchmetrics", "hydra-core", "omegaconf", "numpy", "seedbed")


def collect(*, seed: int, precision: str, data: dict[str, Any]) -> dict[str, Any]:
    """Describe the command, the code, the versions, the machine and the data.

    Args:
        seed: The run's seed.
        precision: The Trainer's precision, as `32-true`.
        data: What the DataModule says of its source.
    """
    return {
        "command": [sys.executable, *sys.argv],
        "seed": seed,
        "git": _git(),
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
    }


def _git() -> dict[str, str | None]:
    """Commit and uncommitted changes of the code; None outside a checkout."""
    here = Path(__file__).parent

    def run(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(here), *arguments],
                capture_output=True,
                text=True,
                check=True,
                timeout=10,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout

    commit = run("rev-parse", "HEAD")
    return {"commit": commit and commit.strip(), "diff": run("diff", "HEAD")}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
