"""Merge a later version of Seedbed into a project that was made from an earlier one.

The project is made anew from the later version, in a folder of its own, and that becomes a commit
whose parent holds the files as they were made last: so git merges only what Seedbed has changed.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from seedbed.errors import RunError, SeedbedError, SettingError
from seedbed.new.project import SUBJECT, git
from seedbed.project import ROOT, VARIABLE, own_packages, settings


def update(source: str) -> str:
    """Merge the version of Seedbed in a git repository, a folder or an address; return git's words.

    Raises:
        SettingError: If this project was not made by `seedbed new project`.
        RunError: If it has changes that are not committed, or the merge has conflicts.
    """
    base = git(ROOT, "log", "-1", "--format=%H", f"--grep=^{SUBJECT} ").strip()
    if not base or "template" not in settings():
        raise SettingError(f"{ROOT}: was not made by seedbed new project; merge by git itself.")
    if git(ROOT, "status", "--porcelain", "--untracked-files=no"):
        raise RunError(f"{ROOT}: has changes that are not committed; commit them first.")
    with TemporaryDirectory(prefix="seedbed-update-") as folder:
        later, made = Path(folder) / "later", Path(folder) / "made"
        git(ROOT, "clone", "--quiet", source, str(later))
        _make(later, made)
        git(ROOT, "fetch", "--quiet", str(made), "HEAD")
        message = git(made, "log", "-1", "--format=%B").strip()
    words = ("commit-tree", "FETCH_HEAD^{tree}", "-p", base, "-m", message)
    commit = git(ROOT, *words).strip()
    try:
        return git(ROOT, "merge", "--no-edit", commit)
    except subprocess.CalledProcessError as error:
        raise RunError(
            f"{error.stdout.strip()}\n{ROOT}: resolve these, `git commit`; or `git merge --abort`."
        ) from None


def _make(later: Path, made: Path) -> None:
    """Have the later version make this project anew."""
    words = ["new", "project", str(made), "--name", own_packages()[1]]
    chosen = ",".join(settings()["template"])
    environment = os.environ | {VARIABLE: str(later), "PYTHONPATH": str(later / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "seedbed", *words, "--studies", chosen],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    if done.returncode:
        raise RunError(f"{later}: {done.stderr.strip()}")


def main(words: Sequence[str]) -> str:
    """What `make update FROM=…` calls."""
    if len(words) != 1 or not words[0]:
        return "make update FROM=PLACE: name a folder or an address of Seedbed."
    try:
        print(update(words[0]))
    except (SeedbedError, subprocess.CalledProcessError) as error:
        return str(getattr(error, "stderr", "") or error)
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
