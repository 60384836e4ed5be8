"""What all tests share."""

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

from seedbed.cli.main import main

# The nets here are tiny: a second thread would cost more than it does, most of all beside others.
torch.set_num_threads(1)


@dataclass(frozen=True)
class Called:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


Command = Callable[..., Called]


@pytest.fixture
def own_module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a configuration name the classes of the test's module, as of a project's package."""
    name: str = request.module.__name__
    packages = ("seedbed", "studies", name)
    monkeypatch.setattr("seedbed.config.targets.own_packages", lambda: packages)
    return name


@pytest.fixture
def seedbed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Calls the command as a shell would, but in this process."""

    def call(*words: object) -> Called:
        monkeypatch.setattr(sys, "argv", ["seedbed", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        gc.unfreeze()  # what a process of its own would not outlive
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Called(int(left.value.code or 0), printed.out, printed.err)

    return call
