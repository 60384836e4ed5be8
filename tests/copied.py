"""A copy of the project, with logs of its own, and its commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from stub_project import REPOSITORY

from seedbed.project import VARIABLE


def copied(project: Path) -> Path:
    """Copy to a folder all that a study needs."""
    for name in ("src", "conf"):
        shutil.copytree(REPOSITORY / name, project / name)
    for name in ("train.py", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, project)
    return project


def called(project: Path, *command: str, status: int = 0) -> str:
    """What a command of a copy prints; it must end with this status."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=project,
        env=environment | {"PYTHONPATH": str(project / "src"), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + (done.stderr if status else "")
