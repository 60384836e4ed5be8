"""A new project: this one's tracked files, with some of its studies, under another name.

The frame keeps its name, so that a later version of it can be merged: the first commit holds the
files as they are made here, and `update.py` makes them again from a later version.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from seedbed.config.removal import files_of, studies
from seedbed.errors import SettingError, nearest
from seedbed.project import ROOT, own_packages
from seedbed.project import settings as project_settings

SUBJECT = "Seedbed template"
"""How the message begins of a commit that holds a project's files as they were made."""

DOCUMENTS = ("cluster.md", "design.md", "licences.md", "own_study.md", "reference.md", "sweeps.md")
"""What of `docs` is about the frame, in each language."""

LEFT_OUT = (
    *("benchmarks", "tests/benchmarks"),
    *("CITATION.cff", "CONTRIBUTING.md", "README.zh.md"),
)
"""What is about the template itself, beside its pages."""

LINK = re.compile(r"!?\[([^]]*)\]\(([^)#:]+)(?:#[^)]*)?\)")
"""A link or an image in a page, to a file here."""

SHIPPED_PART = re.compile(
    r"^# --- shipped studies ---\n.*?^# --- end ---\n", re.MULTILINE | re.DOTALL
)
"""In the Makefile: what is about the shipped studies."""

README = """# {title}

Made from Seedbed: `src/seedbed` is its frame, `src/{name}` has the studies.

```
make test                              # sets up .venv, and runs the fast tests
.venv/bin/python train.py experiment=NAME   # one of conf/experiment
.venv/bin/seedbed new study NAME --kind points   # or table, images, text, lightning
make update FROM=PLACE                 # merges a later version of Seedbed, a folder or an address
```

[Your own study](docs/own_study.md) says what a study is made of, [design](docs/design.md) how the
frame works, [the reference](docs/reference.md) what each setting means.
"""

CHANGELOG = "# Changelog\n\n## [Unreleased]\n"

MAKEFILE = """train: $(READY)  ## Train, of what is typed: make train WHAT="experiment=NAME"
\t@$(BIN)/python train.py $(WHAT)

"""


def new_project(place: Path, name: str, chosen: Sequence[str]) -> list[Path]:
    """Write a project into a new folder, as a git repository of one commit.

    Args:
        place: The folder; it may be there if it is empty.
        name: What its package of studies is called.
        chosen: The studies that it begins with.

    Returns:
        The files, within the folder.

    Raises:
        SettingError: If a name cannot be used, or this is no git checkout.
    """
    known = studies()
    if not name.isidentifier() or name in (*own_packages(), "tests", "conf"):
        raise SettingError(f"--name {name}: expected the name of a new Python package.")
    if unknown := [study for study in chosen if study not in known]:
        raise SettingError(f"--studies {unknown[0]}: no such study; {nearest(unknown[0], known)}")
    if place.exists() and any(place.iterdir()):
        raise SettingError(f"{place}: is there already, and not empty; choose another place.")
    gone = [path.relative_to(ROOT) for study in {*known} - {*chosen} for path in files_of(study)]
    written = [
        made for file in _tracked() if (made := _copied(file, place, name, gone)) is not None
    ]
    title = name.replace("_", " ").capitalize()
    (place / "README.md").write_text(README.format(name=name, title=title), encoding="utf-8")
    (place / "CHANGELOG.md").write_text(CHANGELOG, encoding="utf-8")
    _unlink(place)
    _settings(place, name, chosen)
    _formatted(place, name)
    git(place, "init", "--quiet", "--initial-branch", "main")
    git(place, "add", "--all")
    commit = git(ROOT, "rev-parse", "HEAD").strip()
    git(place, "commit", "--quiet", "--no-verify", "--message", f"{SUBJECT} {commit}")
    return written


def _formatted(place: Path, name: str) -> None:
    """Bring imports and lines in the order that the new name asks for, where ruff is installed."""
    if find_spec("ruff"):
        for words in (["check", "--fix", "--select", "I"], ["format"]):
            ruff = [sys.executable, "-m", "ruff", *words, "--quiet", f"src/{name}", "tests"]
            subprocess.run(ruff, cwd=place, check=False)


def _tracked() -> list[Path]:
    try:
        listed = git(ROOT, "ls-files", "-z")
    except (OSError, subprocess.CalledProcessError):
        raise SettingError(
            f"{ROOT}: is no git checkout; a project is made from the files that git tracks."
        ) from None
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _copied(file: Path, place: Path, name: str, gone: Sequence[Path]) -> Path | None:
    """Copy a tracked file under its place in the project; None if it is none of the project's."""
    left_out = [*gone, *map(Path, LEFT_OUT)]
    if any(path == file or path in file.parents for path in left_out):
        return None
    if file.parts[0] == "docs" and file.name.replace(".zh.", ".") not in DOCUMENTS:
        return None
    made = place / _renamed(file.as_posix(), name)
    made.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / file, made)
    if file.parts[:2] == ("src", "seedbed"):
        return made  # the frame stays as it is
    try:
        text = made.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return made
    if file.name == "Makefile":
        text = SHIPPED_PART.sub(MAKEFILE, text)
    made.write_text(_renamed(text, name), encoding="utf-8")
    return made


def _unlink(place: Path) -> None:
    """Leave of links to what the project has not their words, and of images nothing."""
    for page in (place / "docs").glob("*.md"):

        def kept(found: re.Match[str], folder: Path = page.parent) -> str:
            if (folder / found[2]).exists():
                return found[0]
            return "" if found[0].startswith("!") else found[1]

        page.write_text(LINK.sub(kept, page.read_text(encoding="utf-8")), encoding="utf-8")


def _renamed(text: str, name: str) -> str:
    """A text in which the package of studies has the project's name."""
    package = re.escape(own_packages()[1])
    text = re.sub(rf'(?<=src/){package}\b|(?<=tests/){package}\b|(?<="){package}(?=")', name, text)
    return re.sub(rf"\b{package}(?=\.[A-Za-z_{{(\\*])|^{package}(?= = \[)", name, text, flags=re.M)


def _settings(place: Path, name: str, chosen: Sequence[str]) -> None:
    """Give pyproject.toml the project's name, and what of the template it has."""
    file = place / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    text = re.sub(r'^name = ".*"$', f'name = "{name}"', text, count=1, flags=re.MULTILINE)
    own = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["name"]
    text = text.replace(f'"{own}[', f'"{name}[')
    for study in {*studies()} - {*chosen}:
        text = re.sub(rf'^"{name}\.{study}" = .*\n', "", text, flags=re.MULTILINE)
    if project_settings().get("fetch") not in chosen:
        text = re.sub(r"^fetch = .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^template = .*\n", "", text, flags=re.MULTILINE)
    listed = ", ".join(f'"{study}"' for study in chosen)
    line = f"template = [{listed}]  # the template's studies that this project has\n"
    file.write_text(text.replace("[tool.seedbed]\n", f"[tool.seedbed]\n{line}", 1), "utf-8")


def git(folder: Path, *words: str) -> str:
    """What a git command in a folder prints, with an author where the machine has none."""
    author = ["-c", "user.name=Seedbed", "-c", "user.email=seedbed@localhost"]
    called = ["git", "-C", str(folder), *(author if words[0].startswith("commit") else []), *words]
    done = subprocess.run(called, capture_output=True, text=True, check=True)
    return done.stdout
