"""The switch of `fast/`: what it turns off, and that a run is the same without the extras."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from copied import called, copied

from seedbed.project import ROOT

LOADED = """
import sys
from seedbed.speed import quick_imports
with quick_imports():
    import seedbed.runs.execute
print("torch._dynamo.eval_frame" in sys.modules, "seedbed.fast.imports" in sys.modules)
"""


def printed(code: str, monkeypatch: pytest.MonkeyPatch, switch: str = "") -> tuple[str, str]:
    monkeypatch.setenv("SEEDBED_FAST", switch)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.strip(), done.stderr


def test_variable_turns_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(LOADED, monkeypatch) == ("False True", "")
    assert printed(LOADED, monkeypatch, "0") == ("True False", "")


def test_other_version_turns_it_off_with_a_line_unless_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = "import seedbed.fast\nseedbed.fast.TESTED['torch'] = '1.0'\n"
    out, said = printed(other + LOADED, monkeypatch)
    assert out.startswith("True ")
    assert said.startswith("fast: off, as it was not tested with torch 2.")
    assert printed(other + LOADED, monkeypatch, "1") == ("False True", "")


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project without what can be deleted."""
    project = copied(tmp_path_factory.mktemp("without"))
    for extra in ("demo", "fast", "looks", "report", "sweep"):
        shutil.rmtree(project / "src" / "seedbed" / extra)
        (project / "src" / "seedbed" / extra / "__pycache__").mkdir(parents=True)  # Git leaves it
    usual = project / "conf" / "callbacks" / "default.yaml"
    nodes = yaml.safe_load(usual.read_text()).items()
    left = {name: node for name, node in nodes if ".looks." not in node["_target_"]}
    usual.write_text(yaml.safe_dump(left))
    return project


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("-m", "seedbed", "compare", "."), "report"),
        (("-m", "seedbed", "demo", "."), "demo"),
        (("train.py", "-m", "experiment=none"), "sweep"),
    ],
)
def test_command_of_an_extra_that_is_not_there_says_so(
    command: tuple[str, ...], extra: str, without: Path
) -> None:
    said = called(without, *command, status=2)
    assert said == f"This command needs src/seedbed/{extra}, an optional part that is not there.\n"


def test_run_is_the_same_without_the_extras(without: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n" + "".join(f"{n},{3 * n}\n" for n in range(40)))
    study = ("experiment=table", f"data.path={table}", "data.target=b")
    words = ("train.py", *study, "max_epochs=3")
    runs = [tmp_path / name for name in ("deleted", "off", "on")]
    called(without, *words, f"hydra.run.dir={runs[0]}")
    called(ROOT, *words, f"hydra.run.dir={runs[1]}", "fast=false")
    called(ROOT, *words, f"hydra.run.dir={runs[2]}")
    deleted, off, on = ((run / "metrics.json").read_text() for run in runs)
    assert deleted == off == on
    assert "fast" not in (runs[1] / "config.yaml").read_text()
