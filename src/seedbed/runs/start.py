"""A run from Python, as `python train.py` starts one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from seedbed.config.checks import check
from seedbed.config.compose import composed, plain, use_paths
from seedbed.config.override_problems import setting_problems
from seedbed.config.overrides import REFUSALS, readable
from seedbed.errors import SettingError
from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute
from seedbed.runs.load import LoadedRun, load


def run(overrides: Sequence[str]) -> LoadedRun:
    """Compose, check, execute and open a run.

    Args:
        overrides: As they are typed, `experiment=NAME`, `optimizer.lr=0.1`.

    Raises:
        SettingError: Listing every wrong setting.
        SeedbedError: If the run failed in a way that can be explained.
    """
    whole, settings = settings_of(overrides)
    check(settings)
    directory = RunDirectory.create(Path(whole.hydra.run.dir), settings)
    execute(directory.path, checked=settings)
    return load(directory.path)


def settings_of(overrides: Sequence[str]) -> tuple[DictConfig, dict[str, Any]]:
    """What Hydra composes of overrides, and a run's settings from it.

    Raises:
        SettingError: Listing what Hydra cannot use.
    """
    overrides = readable([*overrides])
    try:
        whole = composed(overrides)
        use_paths(whole)
        return whole, plain(whole)
    except REFUSALS as error:
        problems = setting_problems(overrides)
        raise SettingError("\n".join(problems or [str(error)])) from None
