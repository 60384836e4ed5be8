"""What is installed: every dependency is pinned with hashes, and no index is named."""

import re
import tomllib

from stub_project import REPOSITORY

LOCK = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
PINNED = {
    name.lower(): block
    for name, block in re.findall(r"^([\w.-]+)==(.*?)(?=^\S|\Z)", LOCK, re.MULTILINE | re.DOTALL)
}


def test_every_dependency_is_pinned_with_hashes() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["export"], *extras["slurm"], *extras["dev"]]
    names = {re.split(r"[\[<>=~]", one)[0].lower() for one in wanted} - {project["name"]}
    assert names - {*PINNED} == set()
    assert [name for name, block in PINNED.items() if "--hash=sha256:" not in block] == []


def test_lock_names_no_index() -> None:
    assert not re.search(r"https?:|index-url|find-links", LOCK)


def test_lightning_is_no_version_with_a_known_fault() -> None:
    version = tuple(map(int, re.findall(r"\d+", PINNED["lightning"].split()[0])))
    assert (2, 6, 6) <= version < (2, 7)
