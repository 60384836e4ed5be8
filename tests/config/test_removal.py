"""Studies taken out of a copy of the project."""

from pathlib import Path

import pytest
import yaml
from copied import called, copied, tracked
from stub_project import REPOSITORY

SEEDBED = ("-m", "seedbed")
SHIPPED = [
    name
    for name in ("exam", "mnist", "points", "poems")
    if (REPOSITORY / "src" / "studies" / name).is_dir()
]


def removed(project: Path, study: str, *words: str) -> set[str]:
    """The places that the command names."""
    listed = called(project, *SEEDBED, "remove", "study", study, *words).splitlines()
    return {str(Path(line).relative_to(project)) for line in listed}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy with a study `mine`, and what builds on it."""
    made = copied(tmp_path / "project")
    called(made, *SEEDBED, "new", "study", "mine", "--kind", "points")
    (made / "conf/sweep/rates.yaml").write_text(
        "# @package _global_\n# Rates.\ndefaults:\n  - override /experiment: mine\n"
    )
    (made / "conf/optimizer/slow.yaml").write_text("# @study mine\n# Slow.\nlr: 0.1\n")
    return made


def test_dry_run_lists_what_would_go_and_removes_nothing(project: Path) -> None:
    before = sorted(project.rglob("*"))
    assert removed(project, "mine", "--dry-run") == {
        *("src/studies/mine", "tests/studies/mine", "conf/data/mine.yaml", "conf/net/mine.yaml"),
        *("conf/experiment/mine.yaml", "conf/sweep/rates.yaml", "conf/optimizer/slow.yaml"),
    }
    assert [path for path in before if not path.exists()] == []


def test_removal_leaves_the_rest(project: Path) -> None:
    gone = removed(project, "mine")
    assert not [name for name in gone if (project / name).exists()]
    assert {path.name for path in REPOSITORY.joinpath("conf/optimizer").iterdir()} == {
        path.name for path in (project / "conf" / "optimizer").iterdir()
    }


def test_unknown_study_is_answered_with_those_there_are(project: Path) -> None:
    said = called(project, *SEEDBED, "remove", "study", "mien", status=2)
    assert "mien: no such study; did you mean mine?" in said


@pytest.mark.slow
@pytest.mark.parametrize("study", SHIPPED)
def test_without_a_study_the_others_are_checked_whole(study: str, tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    gone = removed(project, study) - {f"src/studies/{study}"}
    assert {name.partition("/")[0] for name in gone} == {"conf"}
    left = {path.stem for path in (project / "conf" / "experiment").glob("*.yaml")} - {"none"}
    printed = called(project, *SEEDBED, "check")
    assert {line.split()[0] for line in printed.splitlines()} == {f"experiment={x}" for x in left}
    for path in (project / "conf").rglob("*.yaml"):
        assert f"studies.{study}." not in str(yaml.safe_load(path.read_text(encoding="utf-8")))


ROOMS = (
    "tests/config/test_configs.py",
    "tests/nets",
    "tests/benchmarks/test_baselines.py",
    "tests/test_frame.py",
    "tests/test_documents.py",
)
"""Those of the frame's tests that are run without a shipped study; all of them take minutes."""


@pytest.mark.slow
@pytest.mark.skipif(not SHIPPED, reason="no shipped study is left")
def test_without_any_shipped_study_lint_and_the_frames_tests_stay_green(tmp_path: Path) -> None:
    project = tracked(tmp_path / "project")
    for study in SHIPPED:
        removed(project, study)
    for command in (["ruff", "format", "--check"], ["ruff", "check"], ["mypy"]):
        called(project, "-m", *command)
    called(project, "-m", "pytest", "-q", "--collect-only")  # all of them could be run
    called(project, "-m", "pytest", "-q", "-x", *ROOMS)
    measured = called(project, "-m", "benchmarks", "start.line")
    assert "start.line: is not measured, as experiment" in measured
