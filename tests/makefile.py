"""`make` with stand-ins for Python and for what is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from stub_project import REPOSITORY

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def script(path: Path, *lines: str) -> None:
    """Write a shell script that notes its arguments, then does what `lines` say."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", f'echo "{path.name} $*"', *lines]))
    path.chmod(0o755)


def make(target: str, **variables: Path) -> subprocess.CompletedProcess[str]:
    """What `make` prints for a target, and its status."""
    settings = [f"{name}={value}" for name, value in variables.items()]
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(
        ["make", target, *settings],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env=environment,
    )
