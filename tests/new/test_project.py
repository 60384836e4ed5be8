"""A project made by `seedbed new project`, and a later version merged into it."""

import os
import subprocess
from pathlib import Path

import pytest
from copied import called, python, tracked
from documents import dead_links

from seedbed.project import own_packages

SEEDBED = ("-m", "seedbed")
PACKAGE = own_packages()[1]


def git(folder: Path, *words: str) -> str:
    author = ("-c", "user.name=A", "-c", "user.email=a@b.c")
    done = subprocess.run(
        ["git", "-C", str(folder), *author, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of this project, with one study that it is sure to have."""
    folder = tracked(tmp_path_factory.mktemp("template") / "seedbed")
    called(folder, *SEEDBED, "new", "study", "waves", "--kind", "points")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit(folder, "The earlier version.")
    return folder


@pytest.fixture(scope="module")
def project(template: Path) -> Path:
    """A project of that study."""
    place = template.parent / "tides"
    words = (*SEEDBED, "new", "project", str(place), "--name", "tides", "--studies", "waves")
    called(template, *words)
    return place


def test_project_has_the_frame_the_chosen_study_and_its_own_name(
    template: Path, project: Path
) -> None:
    same = ["diff", "--recursive", "--exclude=__pycache__", "src/seedbed"]
    subprocess.run([*same, str(project / "src/seedbed")], cwd=template, check=True)
    assert {path.name for path in (project / "src").iterdir()} >= {"seedbed", "tides"}
    assert [path.parent.name for path in project.glob("src/tides/*/__init__.py")] == ["waves"]
    assert (project / "tests/tides/waves/test_waves.py").is_file()
    assert "tides.waves.data.Points" in (project / "conf/data/waves.yaml").read_text()
    assert 'name = "tides"' in (project / "pyproject.toml").read_text()
    assert "tides" in (project / "README.md").read_text()
    assert not [*dead_links(project)]
    for gone in (f"src/{PACKAGE}", f"tests/{PACKAGE}", "benchmarks", "CITATION.cff"):
        assert not (project / gone).exists()


def test_project_is_committed_and_checks_its_study(project: Path) -> None:
    assert git(project, "status", "--porcelain", "--untracked-files=no") == ""
    assert "ok: a batch" in called(project, *SEEDBED, "check", "experiment=waves")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["p", "--name", "seedbed"], "--name seedbed: expected the name of a new"),
        (["p", "--name", "a-b"], "--name a-b: expected the name of a new Python package"),
        (["p", "--name", "x", "--studies", "wavs"], "wavs: no such study; did you mean waves"),
        ([".", "--name", "x"], "is there already, and not empty"),
    ],
)
def test_what_cannot_be_made_is_explained(words: list[str], said: str, template: Path) -> None:
    assert said in called(template, *SEEDBED, "new", "project", *words, status=2)


@pytest.mark.slow
def test_later_version_merges_into_a_project_with_work_of_its_own(
    template: Path, project: Path
) -> None:
    called(project, *SEEDBED, "new", "study", "floods", "--kind", "table")
    mine = project / "conf" / "experiment" / "waves.yaml"
    mine.write_text(mine.read_text().replace("max_epochs: 100", "max_epochs: 7"))
    commit(project, "A study of one's own, and a change to the template's.")
    changed = template / "src" / "seedbed" / "nets" / "mlp.py"
    changed.write_text(changed.read_text() + "\nLATER = True\n")
    (template / "src" / "seedbed" / "nets" / "later.py").write_text('"""Later."""\n')
    (template / "conf" / "net" / "mlp.yaml").unlink()
    data = template / "src" / PACKAGE / "waves" / "data.py"
    data.write_text(data.read_text() + "\n# Later.\n")
    commit(template, "The later version.")
    environment = os.environ | {"PYTHONPATH": str(project / "src"), "SEEDBED_PROJECT": str(project)}
    done = python("-m", "seedbed.new.update", template, env=environment, cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "LATER" in (project / "src/seedbed/nets/mlp.py").read_text()
    assert (project / "src/seedbed/nets/later.py").is_file()
    assert not (project / "conf/net/mlp.yaml").exists()
    assert "# Later." in (project / "src/tides/waves/data.py").read_text()
    assert "max_epochs: 7" in mine.read_text()
    assert "ok:" in called(project, *SEEDBED, "check", "experiment=floods")
    assert git(project, "status", "--porcelain", "--untracked-files=no") == ""
