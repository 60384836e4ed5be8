"""A copy of the project, with logs of its own, and its commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from stub_project import REPOSITORY

from seedbed.project import VARIABLE


def copied(project: Path, source: Path = REPOSITORY) -> Path:
    """Copy to a folder all that a study needs, of this project or of that of the stub studies."""
    for name in ("src", "conf"):
        shutil.copytree(source / name, project / name)
    for name in ("train.py", "pyproject.toml"):
        shutil.copy(source / name, project)
    return project


def tracked(project: Path) -> Path:
    """Copy the files that git tracks, or would."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in listed.stdout.split("\0")[:-1]:
        if (REPOSITORY / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, project / name)
    return project


def python(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """A Python process of one thread: what it printed, and how it ended."""
    environment = options.pop("env", os.environ) | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, **options
    )


def called(project: Path, *command: str, status: int = 0) -> str:
    """What a command of a copy prints; it must end with this status."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = python(*command, cwd=project, env=environment | {"PYTHONPATH": str(project / "src")})
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + (done.stderr if status else "")
