"""The frame knows no study: it imports none, names none, and works where there is none."""

import ast
import re
import shutil
from pathlib import Path

import pytest
from copied import called, copied
from shipped import LISTED
from stub_project import REPOSITORY

from seedbed.config.removal import files_of
from seedbed.project import CONF

FRAME = REPOSITORY / "src" / "seedbed"
STUDIES = REPOSITORY / "src" / "studies"
FILES = [path for path in FRAME.rglob("*") if path.suffix in (".py", ".html")]


SHIPPED = ("exam", "mnist", "points", "poems")
PRESENT = [name for name in SHIPPED if (STUDIES / name).is_dir()]
NAMES = [
    node.name
    for name in SHIPPED
    for path in (STUDIES / name).rglob("*.py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.ClassDef)
    if node.name not in ("Line", "Digits", "Points", "Block")  # words of English
]
SAYINGS = [
    *(r"studies\.\w+", "=(?:line|digits)", "quantangshi"),
    "(?i:poems?|poetry|mnist|exams?|tang|verse)",
]
WORDS = re.compile(rf"\b({'|'.join([*SAYINGS, *NAMES])})\b|春夜")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FRAME)))
def test_frame_names_no_study(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if WORDS.search(line)] == []


@pytest.mark.skipif(not PRESENT, reason="no shipped study is left")
def test_frames_tests_choose_nothing_of_a_study() -> None:
    of_studies = {path for name in PRESENT for path in files_of(name)}
    shipped = [Path(name) for name in LISTED if CONF / name in of_studies]
    choices = re.compile(r"\b(" + "|".join(f"{x.parent}={x.stem}" for x in shipped) + r")\b")
    tests = REPOSITORY / "tests"
    for path in tests.rglob("*.py"):
        if path.relative_to(tests).parts[0] not in ("studies", "benchmarks"):
            assert choices.findall(path.read_text(encoding="utf-8")) == [], path


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project without any study, and without what of `conf` names one."""
    project = copied(tmp_path_factory.mktemp("bare"))
    for study in (project / "src" / "studies").glob("*/__init__.py"):
        called(project, "-m", "seedbed", "remove", "study", study.parent.name)
    shutil.rmtree(project / "src" / "studies")
    return project


def test_frame_imports_without_the_studies(bare: Path) -> None:
    modules = [
        ".".join(path.relative_to(FRAME.parent).with_suffix("").parts)
        for path in FRAME.rglob("*.py")
        if path.stem != "__main__"
    ]
    called(bare, "-c", "\n".join(f"import {name}" for name in modules))


def test_frame_trains_a_table_without_the_studies(bare: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n" + "".join(f"{n},{2 * n + 1}\n" for n in range(40)))
    printed = called(
        bare,
        *("train.py", "data=table", f"data.path={table}", "data.target=b", "task=regression"),
        *("net=mlp", "max_epochs=2", f"hydra.run.dir={tmp_path / 'run'}"),
    )
    assert "test/loss" in printed


def test_command_without_an_experiment_says_what_to_choose(bare: Path) -> None:
    printed = called(bare, "train.py", status=2)
    assert "experiment: choose one, experiment=NAME" in printed
