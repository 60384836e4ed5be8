"""Sweeps over the line, small enough to run many of them within a test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from seedbed.config.compose import composed
from seedbed.record.directory import RunDirectory
from seedbed.sweep import run as module
from seedbed.sweep.plan import Plan, Settings
from seedbed.sweep.space import fixed, space

SMALL = ("max_epochs=5", "data.held_out=50", "logger=csv")

DEFAULTS = {
    "algorithm": "grid",
    "trials": 20,
    "seeds": 1,
    "max_seeds": 10,
    "workers": 1,
    "pruning": False,
    "fail_fast": False,
    "fresh": False,
}


def planned(*overrides: str, **settings: Any) -> Plan:
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return Plan("line", fixed(parsed), space(parsed), Settings.checked(DEFAULTS | settings))


def compose(overrides: Sequence[str]) -> DictConfig:
    return composed([*SMALL, *overrides])


@dataclass
class Sweeps:
    """Sweeps in one folder, within this process and without a report."""

    folder: Path

    def __call__(self, *overrides: str, **settings: Any) -> None:
        plan = planned(*overrides, **settings)
        module.run(plan, self.folder, compose, command=list(overrides))

    def runs(self) -> list[RunDirectory]:
        """The jobs' runs, in the order they were begun."""
        files = self.folder.glob("*/config.yaml")
        folders = [file.parent for file in files if file.stat().st_size]  # else just being begun
        began = sorted(folders, key=lambda folder: (folder / "config.yaml").stat().st_mtime_ns)
        return [RunDirectory(folder) for folder in began]

    def states(self) -> list[str]:
        return [run.state() for run in self.runs()]

    def contents(self) -> dict[Path, bytes]:
        """Every file of every job."""
        files = [path for run in self.runs() for path in run.path.rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in files}


@pytest.fixture
def compose_of() -> Callable[[Sequence[str]], DictConfig]:
    """Composes as the sweeper does."""
    return compose


@pytest.fixture(scope="session")
def plan_of() -> Callable[..., Plan]:
    """Makes a plan as the sweeper does of a command line."""
    return planned


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweeps:
    nothing: Callable[..., None] = lambda *_: None  # noqa: E731
    monkeypatch.setattr(module, "report", nothing)
    return Sweeps(tmp_path / "sweep")
