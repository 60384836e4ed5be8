"""The frame knows no study: it imports none, names none, and works where there is none."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from copied import called, copied

import studies
from seedbed.project import ROOT

FRAME = ROOT / "src" / "seedbed"
STUDIES = Path(studies.__path__[0])
FILES = [path for path in FRAME.rglob("*") if path.suffix in (".py", ".html")]


NAMES = [
    node.name
    for path in STUDIES.rglob("*.py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.ClassDef)
    if node.name not in ("Line", "Digits", "Points", "Block")  # words of English
]
WORDS = re.compile(
    rf"\b(studies\.\w+|=line|{'|'.join(NAMES)}|(?i:poems?|poetry|mnist|exams?|tang|verse))\b|春夜"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FRAME)))
def test_frame_names_no_study(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if WORDS.search(line)] == []


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project without any study, and without what of `conf` names one."""
    project = copied(tmp_path_factory.mktemp("bare"))
    shutil.rmtree(project / "src" / "studies")
    for path in (project / "conf").rglob("*.yaml"):
        if "studies." in path.read_text(encoding="utf-8") or path.parent.name == "experiment":
            path.unlink()
    shutil.copy(ROOT / "conf" / "experiment" / "none.yaml", project / "conf" / "experiment")
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
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "experiment: choose one, experiment=NAME" in done.stderr
