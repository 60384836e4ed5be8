"""Which files a study is made of: its folder, its tests, and what of `conf/` needs it.

A file of `conf/` needs a study if it names one of its classes, chooses an option that does, or says
so itself by a first line `# @study NAME`.
"""

import re
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from seedbed.errors import SettingError, nearest
from seedbed.project import CONF, ROOT, own_packages

CHOICE = re.compile(r"^\s*- (?:override )?/?([\w/]+)(?:@\S+)?: *(\S+)", re.MULTILINE)
"""A group, and the option that a file chooses of it."""

INHERITED = re.compile(r"^\s*- (\w+)$", re.MULTILINE)
"""An option of its own group that a file builds on."""


def studies() -> dict[str, Path]:
    """The studies in the project, by name, with their folders."""
    return {
        folder.name: folder
        for package in own_packages()[1:]
        for place in (find_spec(package) or 0).submodule_search_locations or ()  # type: ignore[union-attr]
        for folder in Path(place).iterdir()
        if (folder / "__init__.py").is_file()
    }


def files_of(name: str) -> list[Path]:
    """The folders and files of a study that is in the project.

    Raises:
        SettingError: If there is no such study.
    """
    folders = studies()
    if name not in folders:
        raise SettingError(f"{name}: no such study; {nearest(name, folders)}")
    folder = folders[name]
    module = f"{folder.parent.name}.{name}."
    marked = f"# @study {name}\n"
    needed: set[Path] = set()
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(CONF.rglob("*.yaml"))}
    found = {path for path, text in texts.items() if module in text or text.startswith(marked)}
    while found - needed:
        needed |= found
        gone = {path.relative_to(CONF).with_suffix("").as_posix() for path in needed}
        found = {
            path
            for path, text in texts.items()
            if path.parent != CONF and _chosen(path, text) & gone
        }
    tests = ROOT / "tests" / folder.parent.name / name
    return [folder, *([tests] if tests.is_dir() else []), *sorted(needed)]


def _chosen(path: Path, text: str) -> set[str]:
    """The options that a file of `conf/` chooses, as `group/option`."""
    group = path.parent.relative_to(CONF).as_posix()
    chosen = {f"{other}/{option}" for other, option in CHOICE.findall(text)}
    return chosen | {f"{group}/{option}" for option in INHERITED.findall(text)}


def remove_files(paths: Sequence[Path]) -> None:
    """Delete folders and files."""
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
