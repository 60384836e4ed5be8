"""The study that `docs/own_study.md` builds, built from that page."""

import re
from pathlib import Path

import pytest
from copied import called, copied
from stub_project import REPOSITORY

pytestmark = pytest.mark.slow

FILE = re.compile(r"^`((?:src|conf)/\S+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with what the page adds."""
    project = copied(tmp_path_factory.mktemp("project"))
    page = (REPOSITORY / "docs" / "own_study.md").read_text(encoding="utf-8")
    for name, content in FILE.findall(page):
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        if file.suffix == ".py":
            (file.parent / "__init__.py").write_text('"""A study."""\n')
    return project


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


def test_setting_that_is_forgotten_is_named(project: Path) -> None:
    said = called(project, "-m", "seedbed", "check", "experiment=iris", "~net.width", status=2)
    assert "net.width: is required by studies.iris.prototypes.Prototypes." in said


def test_module_of_the_page_trains_and_is_swept(project: Path, tmp_path: Path) -> None:
    study = ("experiment=none", "task=waves", "data=waves", "monitor=val_loss", "max_epochs=3")
    printed = called(project, "train.py", *study, f"hydra.run.dir={tmp_path / 'run'}")
    assert "val_loss" in printed
    swept = ("-m", *study, "task.lr=0.01,0.1")
    printed = called(project, "train.py", *swept, f"hydra.sweep.dir={tmp_path / 'sweep'}")
    assert "0.01" in printed
    code = f"import seedbed; print(seedbed.run({[*study]!r}).metrics['val_loss'])"
    assert float(called(project, "-c", code).split()[-1]) < 2
