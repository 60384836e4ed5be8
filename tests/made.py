"""Settings as a command line composes them, and runs of them: the one way for all tests."""

import csv
import shutil
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seedbed.config.build import build
from seedbed.config.checks import check
from seedbed.config.compose import composed, plain
from seedbed.config.overrides import readable
from seedbed.errors import SettingError, TrainingError
from seedbed.record.directory import RunDirectory
from seedbed.record.run import read_run
from seedbed.report.doctor import Finding, diagnose
from seedbed.runs.execute import execute


def settings(*overrides: str) -> dict[str, Any]:
    """A run's settings, by overrides as they are typed."""
    return plain(composed(readable([*overrides])))


def refusal(*overrides: str) -> str:
    """What the check says against such settings."""
    with pytest.raises(SettingError) as caught:
        check(settings(*overrides))
    return str(caught.value)


def prepared(folder: Path, *overrides: str) -> RunDirectory:
    """A run in `folder` that nobody has executed yet."""
    return RunDirectory.create(folder, settings("print_every=1000", *overrides))


def executed(folder: Path, *overrides: str) -> RunDirectory:
    """A finished run in `folder`."""
    run = prepared(folder, *overrides)
    execute(run.path)
    return run


def copy_of(run: RunDirectory, folder: Path) -> RunDirectory:
    """A copy of a run, that a test may change."""
    return RunDirectory(shutil.copytree(run.path, folder))


def rows_of(file: Path, filled: str = "") -> list[dict[str, str]]:
    """A table's rows; those with a value in a column, if one is named."""
    with file.open(newline="", encoding="utf-8") as opened:
        return [row for row in csv.DictReader(opened) if not filled or row[filled]]


def values_of(file: Path, column: str) -> list[float]:
    """The numbers in a table's column."""
    return [float(row[column]) for row in rows_of(file, column)]


def weights_of(checkpoint: Path) -> dict[str, Tensor]:
    """A checkpoint's weights, by their names."""
    weights: dict[str, Tensor] = torch.load(checkpoint, weights_only=True)["state_dict"]
    return weights


def findings(folder: Path, *overrides: str) -> dict[str, Finding]:
    """What the training doctor finds in a run, by rule; the run may fail of what ails it."""
    run = prepared(folder, "logger=csv", *overrides)
    with suppress(TrainingError):
        execute(run.path)
    return {found.rule: found for found in diagnose(read_run(folder))}


def training_losses(run: RunDirectory) -> list[float]:
    """Of each validation, the mean of the losses before the steps since the one before."""
    return values_of(run.path / "metrics.csv", "train/loss")


def losses_of_a_loop(
    folder: Path, optimizer: type[torch.optim.Optimizer], *overrides: str
) -> list[float]:
    """The training losses of 20 steps of a loop written out, a mean of each five."""
    study = build(settings(*overrides), folder)
    net = study.task.net
    updates = optimizer(net.parameters(), lr=1e-3)
    losses = []
    for inputs, targets in islice(study.datamodule.train_dataloader(), 20):
        loss = F.cross_entropy(net(inputs).flatten(0, -2), targets.flatten())
        updates.zero_grad()
        loss.backward()
        updates.step()
        losses.append(loss.item())
    means: list[float] = np.reshape(losses, (4, 5)).mean(axis=1).tolist()
    return means
