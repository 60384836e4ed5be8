"""The project in which the frame's tests run: this one, and the stub studies of `stubs`.

So they need no shipped study. What is typed without an experiment is the stub `dots`, and a run
writes no report unless it is asked to, which would take longer than most of these fits. The project
lies in a folder of its own, of links but for what differs, and goes with the process; those that
`multiprocessing` starts for a test have it too.
"""

import atexit
import multiprocessing
import os
import shutil
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

_OWN = {".git", "conf", "src", "train.py", "pyproject.toml", "logs"}


def _made() -> Path:
    project = Path(tempfile.mkdtemp(prefix="seedbed-project-"))
    atexit.register(shutil.rmtree, project, ignore_errors=True)
    for path in REPOSITORY.iterdir():
        if path.name not in _OWN:
            (project / path.name).symlink_to(path)
    (project / "src").mkdir()
    for path in (REPOSITORY / "src").iterdir():
        (project / "src" / path.name).symlink_to(path)
    stubs = REPOSITORY / "tests" / "stubs"
    (project / "src" / "stubs").symlink_to(stubs)
    shutil.copytree(REPOSITORY / "conf", project / "conf")
    shutil.copytree(stubs / "conf", project / "conf", dirs_exist_ok=True)
    shutil.copy(REPOSITORY / "train.py", project)
    _replace(project / "conf" / "train.yaml", "- experiment: line", "- experiment: dots")
    _replace(project / "conf" / "train.yaml", "report: true", "report: false")
    settings = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    (project / "pyproject.toml").write_text(settings, encoding="utf-8")
    _replace(project / "pyproject.toml", '"]  # whose classes', '", "stubs"]  # whose classes')
    return project


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


IS_STARTED = multiprocessing.current_process().name != "MainProcess"
PROJECT = Path(os.environ["SEEDBED_PROJECT"]) if IS_STARTED else _made()
os.environ["SEEDBED_PROJECT"] = str(PROJECT)
