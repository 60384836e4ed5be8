"""Going on with a run: as it is, or for longer; any other change would make it another experiment.

A longer fit keeps its schedule as it was: the horizon it began with becomes a setting, so that
the run's configuration alone still says how every learning rate came about.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from seedbed.errors import SettingError, nearest
from seedbed.preflight import check
from seedbed.runs.directory import RunDirectory
from seedbed.runs.execute import execute, saved

LENGTHS = ("max_epochs", "max_steps")


def resume(path: Path, overrides: Sequence[str] = ()) -> dict[str, float]:
    """Execute a run again, from its last checkpoint on.

    Args:
        path: The run's directory.
        overrides: `max_steps=N` or `max_epochs=N`, for a longer fit, also of a finished run.

    Returns:
        The best checkpoint's metrics.

    Raises:
        SettingError: If anything else is changed, naming every such setting.
        SeedbedError: If the run cannot go on.
    """
    run = RunDirectory(path)
    config = run.config()
    changed = _changed(config, dict(map(_parsed, overrides)))
    if changed != config:
        _lengthen(run, changed)
    return execute(path)


def _parsed(override: str) -> tuple[str, Any]:
    try:
        parsed = OverridesParser.create().parse_override(override)
        return parsed.key_or_group, parsed.value()
    except HydraException:
        raise SettingError(f"{override}: expected a setting, as max_steps=2000.") from None


def _changed(config: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The configuration with the lengths that are wanted, which hold for the Trainer."""
    lengths, problems = {}, []
    for key, new in wanted.items():
        name = key.removeprefix("trainer.")
        if name in LENGTHS:
            lengths[name] = new
            continue
        try:
            old = _setting(config, key)
        except KeyError:
            problems.append(f"{key}: no such setting; {nearest(key, LENGTHS)}")
            continue
        if old != new:
            problems.append(f"{key}: the run has {_short(old)}, not {_short(new)}.")
    if problems:
        problems.append("That would be another experiment, for a run of its own.")
        raise SettingError("\n".join(problems))
    changed = config | lengths | {"trainer": config["trainer"] | lengths}
    if changed != config:
        check(changed)
        _check_longer(config["trainer"], lengths)
    return changed


def _setting(config: Any, key: str) -> Any:
    for name in key.split("."):
        if not isinstance(config, dict):
            raise KeyError(key)
        config = config[name]
    return config


def _check_longer(trainer: dict[str, Any], lengths: dict[str, int]) -> None:
    shorter = [name for name in lengths if _count(lengths[name]) < _count(trainer[name])]
    if shorter:
        asked, has = (
            ", ".join(f"{name}={limits[name]}" for name in names)
            for limits, names in ((lengths, shorter), (trainer, LENGTHS))
        )
        raise SettingError(f"{asked}: a fit can only be made longer; the run's has {has}.")


def _count(limit: int) -> float:
    return math.inf if limit == -1 else limit


def _short(value: Any) -> Any:
    """A setting in a line; a constructor's node by its name."""
    return value.get("_target_", value) if isinstance(value, dict) else value


def _lengthen(run: RunDirectory, config: dict[str, Any]) -> None:
    with run.claimed():
        for schedule in saved(run)[1].get("lr_schedulers", []):
            config["schedule_steps"] = schedule["total_steps"]
        run.set_status("interrupted")  # first: a finished run would not go on
        run.set_config(config)
