"""Studies taken out of a copy of the project."""

from pathlib import Path

import pytest
from copied import called, copied

from seedbed.project import ROOT

STUDIES = [path.name for path in (ROOT / "src" / "studies").iterdir() if path.is_dir()]
STUDIES = sorted(name for name in STUDIES if not name.startswith("__"))
SEEDBED = ("-m", "seedbed")


def experiments(project: Path) -> list[str]:
    return sorted(path.stem for path in (project / "conf" / "experiment").glob("*.yaml"))


def test_dry_run_lists_what_would_go_and_removes_nothing(tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    before = sorted(project.rglob("*.yaml"))
    listed = called(project, *SEEDBED, "remove", "study", "exam", "--dry-run").splitlines()
    names = {str(Path(line).relative_to(project)) for line in listed}
    assert {"src/studies/exam", "conf/data/exam.yaml", "conf/experiment/exam.yaml"} <= names
    assert "conf/sweep/exam_search.yaml" in names
    assert not any("mnist" in name or "poem" in name for name in names)
    assert sorted(project.rglob("*.yaml")) == before


def test_unknown_study_is_answered_with_those_there_are(tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    called(project, *SEEDBED, "remove", "study", "exams", status=2)


@pytest.mark.slow
@pytest.mark.parametrize("study", STUDIES)
def test_without_a_study_the_others_are_checked_whole(study: str, tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    called(project, *SEEDBED, "remove", "study", study)
    assert not (project / "src" / "studies" / study).exists()
    offline = [name for name in experiments(project) if name in ("line", "exam", "plane", "sine")]
    for name in offline:
        assert "ok: a batch" in called(project, *SEEDBED, "check", f"experiment={name}")


@pytest.mark.slow
def test_without_any_study_the_frame_says_what_to_choose(tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    for study in STUDIES:
        called(project, *SEEDBED, "remove", "study", study)
    assert [
        name for name in experiments(project) if name not in ("images", "none", "table", "text")
    ] == []
    table = tmp_path / "t.csv"
    table.write_text("a,b\n" + "".join(f"{n},{3 * n}\n" for n in range(40)))
    study = ("experiment=none", "data=table", f"data.path={table}", "data.target=b", "net=mlp")
    printed = called(
        project, "train.py", *study, "task=regression", f"hydra.run.dir={tmp_path / 'run'}"
    )
    assert "test/loss" in printed
