"""A copy of the project, with logs of its own, and its commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from seedbed.project import ROOT


def copied(project: Path) -> Path:
    """Copy to a folder all that a study needs."""
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, project / name)
    for name in ("train.py", "pyproject.toml"):
        shutil.copy(ROOT / name, project)
    return project


def called(project: Path, *command: str, status: int = 0) -> str:
    """What a command of a copy prints; it must end with this status."""
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project / "src"), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout
