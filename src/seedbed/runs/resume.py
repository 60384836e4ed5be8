"""Going on with a run: as it is, or for longer; any other change would make it another experiment.

A longer fit keeps its schedule as it was: the horizon it began with becomes a setting, so that
the run's configuration alone still says how every learning rate came about.

A machine may lack the device or the compiler that a run names, so these may be changed too.
Trade-off: from there on the run is not, to the bit, what it would have been.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR

from seedbed.config.build import build_scheduler
from seedbed.config.checks import check
from seedbed.errors import SettingError, nearest
from seedbed.optim.library_schedules import HORIZONS
from seedbed.optim.schedules import Schedule
from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute, saved
from seedbed.runs.validate import check_begun
from seedbed.terminal import log

LENGTHS = ("max_epochs", "max_steps")

OF_THE_MACHINE = ("accelerator", "compile")
"""What a machine may lack; the first is the Trainer's."""


def resume(path: Path, overrides: Sequence[str] = ()) -> dict[str, float]:
    """Execute a run again, from its last checkpoint on.

    Args:
        path: The run's directory.
        overrides: `max_steps=N` or `max_epochs=N`, for a longer fit, also of a finished run; and
            `trainer.accelerator=NAME` or `compile=false`, where the machine lacks the run's own.

    Returns:
        The best checkpoint's metrics.

    Raises:
        SettingError: If anything else is changed, naming every such setting.
        SeedbedError: If the run cannot go on.
    """
    run = RunDirectory(path)
    config = run.config()
    changed = _changed(config, dict(map(_parsed, overrides)))
    if changed == config:
        return execute(path)
    check(changed, begun=True)
    _check_longer(_lengths(config), _lengths(changed))
    checked = {**changed}
    if _lengths(changed) != _lengths(config):
        _lengthen(run, changed)
    elif run.state() != "finished":
        with run.claimed():
            run.set_config(changed)
    return execute(path, checked=checked)


def _parsed(override: str) -> tuple[str, Any]:
    try:
        parsed = OverridesParser.create().parse_override(override)
    except HydraException:
        raise SettingError(f"{override}: expected a setting, as max_steps=2000.") from None
    if parsed.is_sweep_override():
        raise SettingError(f"{override}: several values; a run has one.")
    return parsed.key_or_group, parsed.value()


def _changed(config: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The configuration with what is wanted of it, if that may be changed."""
    allowed, problems, is_other = {}, [], False
    for key, new in wanted.items():
        name = key.removeprefix("trainer.")
        if name in (*LENGTHS, *OF_THE_MACHINE):
            allowed[name] = new
            continue
        try:
            old = _setting(config, key)
        except KeyError:
            problems.append(f"{key}: no such setting; {nearest(key, LENGTHS)}")
            continue
        if old != new:
            problems.append(f"{key}: the run has {_short(old)}, not {_short(new)}.")
            is_other = True
    if is_other:
        problems.append("That would be another experiment, for a run of its own.")
    if problems:
        raise SettingError("\n".join(problems))
    if not allowed:
        return config
    of_trainer = {name: new for name, new in allowed.items() if name != "compile"}
    at_top = {name: new for name, new in allowed.items() if name != "accelerator"}
    return config | at_top | {"trainer": _trainer(config) | of_trainer}


def _trainer(config: dict[str, Any]) -> dict[str, Any]:
    """The Trainer's settings; `check` reports anything else."""
    trainer = config.get("trainer")
    return trainer if isinstance(trainer, dict) else {}


def _lengths(config: dict[str, Any]) -> dict[str, Any]:
    trainer = _trainer(config)
    return {name: trainer.get(name) for name in LENGTHS}


def _setting(config: Any, key: str) -> Any:
    for name in key.split("."):
        if not isinstance(config, dict):
            raise KeyError(key)
        config = config[name]
    return config


def _check_longer(before: dict[str, Any], after: dict[str, Any]) -> None:
    shorter = [name for name in LENGTHS if _count(after[name]) < _count(before[name])]
    if shorter:
        asked, has = (
            ", ".join(f"{name}={limits[name]}" for name in names)
            for limits, names in ((after, shorter), (before, LENGTHS))
        )
        raise SettingError(f"{asked}: a fit can only be made longer; the run's has {has}.")


def _count(limit: int | None) -> float:
    return math.inf if limit in (-1, None) else limit


def _short(value: Any) -> Any:
    """A setting in a line; a constructor's node by its name."""
    return value.get("_target_", value) if isinstance(value, dict) else value


def _lengthen(run: RunDirectory, config: dict[str, Any]) -> None:
    check_begun(run, config)
    with run.claimed():
        schedules = saved(run)[1].get("lr_schedulers", []) if config["scheduler"] else []
        for schedule in schedules:
            lengths = [schedule[name] for name in HORIZONS if name in schedule]
            if lengths:  # others know of no end
                config["schedule_steps"] = lengths[0]
                _tell_how_it_ends(config)
        run.set_status("interrupted")  # first: a finished run would not go on
        run.set_config(config)


def _tell_how_it_ends(config: dict[str, Any]) -> None:
    """Warn where the last learning rate, which a longer fit keeps, lets it learn nothing.

    Raises:
        SettingError: If the schedule ends with its last step.
    """
    horizon: int = config["schedule_steps"]
    schedule = build_scheduler(config, SGD(nn.Linear(1, 1).parameters(), lr=1.0), horizon)
    if isinstance(schedule, OneCycleLR):
        raise SettingError(
            f"{config['scheduler']['_target_']}: takes no step after its {horizon:,}; to learn "
            "more, start a new fit with weights=RUN."
        )
    schedule.last_epoch = horizon  # torch's word for a step
    if isinstance(schedule, Schedule) and not any(schedule.get_lr()):
        log.info(
            f"The schedule keeps its end at step {horizon:,}, where its learning rate is 0: steps "
            "after it learn nothing. To learn more from here, start a new fit with weights=RUN."
        )
