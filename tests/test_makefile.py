"""`make` as a newcomer has it, with stand-ins for Python and for what is installed."""

import subprocess
from pathlib import Path

from makefile import make, needs_make, script

pytestmark = needs_make


def test_dashboard_says_first_where_both_losses_are_on_one_chart(tmp_path: Path) -> None:
    script(tmp_path / "bin" / "tensorboard")
    (tmp_path / ".ready").touch()
    first, second = make("dashboard", VENV=tmp_path).stdout.splitlines()
    assert first.endswith("http://localhost:6006/#custom_scalars")
    assert second == "tensorboard --logdir logs --port 6006"


def install(folder: Path, *refused: str) -> subprocess.CompletedProcess[str]:
    """Install by a Python that refuses the commands in which one of these words occurs."""
    script(folder / "bin" / "python")
    cases = [f'case "$*" in *"{word}"*) exit 1;; esac' for word in refused]
    script(folder / "python3", *cases)
    return make(f"{folder}/.ready", VENV=folder, PYTHON=folder / "python3")


def test_environment_has_its_own_pip_where_ensurepip_is(tmp_path: Path) -> None:
    done = install(tmp_path)
    assert f"python3 -m venv {tmp_path}\npython -m pip install --quiet " in done.stdout
    assert (tmp_path / ".ready").exists()


def test_systems_pip_installs_where_ensurepip_is_missing(tmp_path: Path) -> None:
    done = install(tmp_path, "ensurepip")
    assert f"python3 -m venv --without-pip {tmp_path}\n" in done.stdout
    assert f"python3 -m pip --python {tmp_path}/bin/python install --quiet " in done.stdout
    assert (tmp_path / ".ready").exists()


def test_neither_ensurepip_nor_pip_is_explained(tmp_path: Path) -> None:
    done = install(tmp_path, "ensurepip", "pip --version")
    assert done.returncode != 0
    assert "has neither ensurepip nor pip" in done.stderr
    assert not (tmp_path / ".ready").exists()
