"""Runs of modules that know nothing of Seedbed, without a YAML for each."""

from pathlib import Path
from typing import Any

import strangers_modules
from omegaconf import DictConfig, open_dict

from seedbed.config.checks import check
from seedbed.config.compose import composed, plain
from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute

OWN = strangers_modules.__name__
BORING = "lightning.pytorch.demos.boring_classes"
STUDIES = {
    "manual": (f"{OWN}.Autoencoder", f"{OWN}.Vectors"),
    "dicts": (f"{OWN}.DictClassifier", f"{OWN}.Dicts"),
    "stream": (f"{OWN}.Mean", f"{OWN}.Streams"),
    "boring": (f"{BORING}.BoringModel", f"{BORING}.BoringDataModule"),
}

PACKAGES = ("seedbed", "stubs", "studies", OWN)
"""What a configuration may name then, in place of what `seedbed.config.targets` reads."""


def composed_study(study: str, *overrides: str, **data: Any) -> DictConfig:
    """As of `task=NAME data=NAME`, with an option's YAML each."""
    task, datamodule = STUDIES[study]
    config = composed(["experiment=none", "max_epochs=3", *overrides])
    with open_dict(config):
        config.task = {"_target_": task}
        config.data = {"_target_": datamodule, **data}
    return config


def settings(study: str, *overrides: str, **data: Any) -> dict[str, Any]:
    """A run's settings, which nobody has checked."""
    return plain(composed_study(study, *overrides, **data))


def prepared(folder: Path, study: str, *overrides: str, **data: Any) -> RunDirectory:
    """A run that nobody has executed yet."""
    config = settings(study, *overrides, **data)
    check(config)
    return RunDirectory.create(folder, config)


def executed(folder: Path, study: str, *overrides: str, **data: Any) -> RunDirectory:
    """A finished run."""
    run = prepared(folder, study, *overrides, **data)
    execute(run.path)
    return run
