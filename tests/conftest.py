"""What all tests share."""

import pytest
import torch

# The nets here are tiny: a second thread would cost more than it does, most of all beside others.
torch.set_num_threads(1)


@pytest.fixture
def own_module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a configuration name the classes of the test's module, as of a project's package."""
    name: str = request.module.__name__
    packages = ("seedbed", "studies", name)
    monkeypatch.setattr("seedbed.config.targets.own_packages", lambda: packages)
    return name
