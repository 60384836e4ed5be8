"""A study begun by `seedbed new study`, in a copy of the project."""

import re
from pathlib import Path
from typing import get_args

import pytest
from copied import called, copied
from stub_project import REPOSITORY

from seedbed.new.study import Kind

SEEDBED = ("-m", "seedbed")
KINDS = get_args(Kind)


def begun(folder: Path, kind: str, name: str = "mine") -> tuple[Path, list[str]]:
    """A copy of the project with a new study, and the files that were written."""
    project = copied(folder / "project")
    printed = called(project, *SEEDBED, "new", "study", name, "--kind", kind).splitlines()
    return project, [str(Path(line).relative_to(project)) for line in printed[:-2]]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_study_is_checked_trains_at_once_and_passes_its_own_tests(
    kind: str, tmp_path: Path
) -> None:
    project, files = begun(tmp_path, kind)
    assert "tests/studies/mine/test_mine.py" in files
    assert "conf/experiment/mine.yaml" in files
    assert "ok:" in called(project, *SEEDBED, "check", "experiment=mine")
    called(project, "train.py", "experiment=mine", "max_epochs=1", f"hydra.run.dir={tmp_path}/run")
    called(project, "-m", "pytest", "-q", "tests/studies/mine")
    assert files == sorted(called_removal(project))


def called_removal(project: Path) -> list[str]:
    """Every file below what `remove study` would remove."""
    listed = called(project, *SEEDBED, "remove", "study", "mine", "--dry-run").splitlines()
    found = [
        path
        for line in listed
        for path in ([*Path(line).rglob("*")] if Path(line).is_dir() else [Path(line)])
    ]
    made = [path for path in found if path.is_file() and "__pycache__" not in path.parts]
    return [str(path.relative_to(project)) for path in made]


@pytest.mark.parametrize("kind", KINDS)
def test_study_is_formatted_and_passes_the_house_rules(kind: str, tmp_path: Path) -> None:
    project, files = begun(tmp_path, kind, "a_name_of_thirty_characters_xx")
    code = [name for name in files if name.endswith(".py")]
    for words in (("format", "--check", "--diff"), ("check",)):
        called(project, "-m", "ruff", *words, *code)
    assert not [
        name for name in files if re.search(r"NAME|seedbed\.new", (project / name).read_text())
    ]


@pytest.mark.parametrize("name", ["two words", "9th", "class", "Mine", "../out"])
def test_name_that_is_no_packages_is_refused(name: str, tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    called(project, *SEEDBED, "new", "study", name, "--kind", "points", status=2)
    assert not (project / "tests").exists()


def test_name_of_an_option_is_taken(tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    called(project, *SEEDBED, "new", "study", "mlp", "--kind", "points", status=2)
    assert not (project / "src" / "studies" / "mlp").exists()


def test_templates_are_all_kinds() -> None:
    places = (REPOSITORY / "src" / "seedbed" / "new" / "kinds").glob("*/conf")
    assert {path.parent.name for path in places} == {*KINDS}
