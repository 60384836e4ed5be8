"""The study that `docs/own_study.md` builds, built from that page."""

import re
from pathlib import Path

import pytest
from copied import called, copied

from seedbed.project import ROOT

FILE = re.compile(r"^`((?:src|conf)/\S+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TARGETS = re.compile(r"^Add to `TARGETS` .*\n\n```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with what the page adds."""
    project = copied(tmp_path_factory.mktemp("project"))
    page = (ROOT / "docs" / "own_study.md").read_text(encoding="utf-8")
    for name, content in FILE.findall(page):
        (project / name).write_text(content, encoding="utf-8")
    [targets] = TARGETS.findall(page)
    build = project / "src" / "seedbed" / "build.py"
    code = build.read_text(encoding="utf-8")
    first = '        "lightning.Trainer",\n'
    build.write_text(code.replace(first, first + targets), encoding="utf-8")
    return project


@pytest.mark.slow
def test_study_of_the_page_is_checked_trained_and_predicts(project: Path, tmp_path: Path) -> None:
    seedbed = ("-m", "seedbed")
    assert "ok: a batch of [32, 4]" in called(project, *seedbed, "check", "experiment=iris")
    run, table = tmp_path / "run", tmp_path / "flowers.csv"
    printed = called(project, "train.py", "experiment=iris", f"hydra.run.dir={run}")
    accuracy = re.search(r"test/accuracy +(\S+)", printed)
    assert accuracy
    assert float(accuracy[1]) > 0.9
    table.write_text(
        "sepal length,sepal width,petal length,petal width\n5.1,3.5,1.4,0.2\n6.3,3.3,6.0,2.5\n"
    )
    header, setosa, virginica = called(
        project, *seedbed, "predict", str(run), str(table)
    ).splitlines()
    assert header.endswith("petal width,class,probability_0,probability_1,probability_2")
    assert (setosa.split(",")[4], virginica.split(",")[4]) == ("0", "2")
    called(project, *seedbed, "export", str(run), "--format", "safetensors")
    assert "resuming at step" in called(project, *seedbed, "resume", str(run), "max_epochs=101")


@pytest.mark.slow
def test_setting_that_is_forgotten_is_named(project: Path) -> None:
    said = called(project, "-m", "seedbed", "check", "experiment=iris", "~net.width", status=2)
    assert "net.width: is required by seedbed.nets.prototypes.Prototypes." in said
