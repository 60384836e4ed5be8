"""A LightningModule that was written without Seedbed: it brings net, optimizer and schedule.

The groups of these then have no effect. One that was only there by default becomes null, and the
run's record says so; one that was typed, or chosen by a typed experiment, is refused.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from seedbed.config.targets import is_node, resolve
from seedbed.errors import SettingError
from seedbed.project import CONF

GROUPS = ("net", "init", "optimizer", "scheduler")
"""What a self-contained task does itself."""

WITHOUT_MEANING = ("weight_decay_on", "schedule_steps", "lr_scale", "compile")
"""Settings at the top level that are about these groups."""

CHOSEN = re.compile(r"^\s*- override /(\w+):|^(\w+):", re.MULTILINE)
"""The groups that an experiment's file chooses, and the settings that it has."""


def is_self_contained(config: Mapping[str, Any]) -> bool:
    """Whether a configuration's task is a LightningModule but none of the frame's tasks."""
    try:
        task = resolve(str(config["task"]["_target_"]), "task")
    except (KeyError, SettingError, TypeError):  # reported elsewhere
        return False
    from seedbed.tasks.base import Task

    return not issubclass(task, Task)


def settled(settings: dict[str, Any], typed: Iterable[str]) -> dict[str, Any]:
    """Settings in which what a self-contained task does itself is null.

    Args:
        settings: A resolved configuration of plain types.
        typed: The overrides of the command line.

    Raises:
        SettingError: Naming each such setting that was chosen on purpose.
    """
    if not is_self_contained(settings):
        return settings
    chosen = _chosen([*typed])
    problems = [
        f"{name}: {settings['task']['_target_']} brings its own; leave out {chosen[name]}."
        for name in (*GROUPS, *WITHOUT_MEANING)
        if name in chosen and settings.get(name) not in (None, False)
    ]
    if problems:
        raise SettingError("\n".join(problems))
    unused: dict[str, Any] = dict.fromkeys(GROUPS)
    if "monitor" not in chosen:
        unused |= {"monitor": None, "callbacks": _without_monitor(settings)}
    return settings | unused


def _chosen(typed: list[str]) -> dict[str, str]:
    """The groups and settings that were chosen on purpose, each with what chose it."""
    found = {}
    for override in typed:
        name = override.lstrip("+~").partition("=")[0].partition("@")[0]
        found[name.partition(".")[0]] = override
        if name == "experiment":
            file = CONF / "experiment" / f"{override.partition('=')[2]}.yaml"
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            for group, setting in CHOSEN.findall(text):
                found.setdefault(group or setting, override)
    return found


def _without_monitor(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The callbacks, in none of which the metric stands that decides by default."""
    return {
        name: node | {"monitor": None}
        if is_node(node) and node.get("monitor", "") == settings["monitor"]
        else node
        for name, node in settings["callbacks"].items()
    }
