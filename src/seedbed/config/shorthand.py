"""What a command line may leave out, written out: a run's record has it in full.

These are metrics by name alone, `mode: null`, and the rest of an option whose target is replaced.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from seedbed.metric_directions import best_is
from seedbed.terminal import log

TARGET = "._target_="


def written_out(config: dict[str, Any], typed: Sequence[str]) -> dict[str, Any]:
    """A configuration of plain types, completed in place.

    Args:
        config: The configuration.
        typed: The overrides of the command line that it was composed with.
    """
    task = config.get("task")
    if isinstance(task, dict) and (named := task.get("metrics")):
        from seedbed.config.self_contained import is_self_contained  # imports torch

        if not is_self_contained(config):
            task["metrics"] = _by_name(named)
    for override in typed:
        if TARGET in override:
            place = override.lstrip("+").partition(TARGET)[0]
            _drop_leftovers(config, place, [one.lstrip("+").partition("=")[0] for one in typed])
    for node in _watching(config):
        if node.get("mode", "") is None:
            monitor = str(node["monitor"] or "loss")
            node["mode"] = best(monitor, task) or best_is(monitor)
    return config


def best(monitor: Any, task: Any) -> str | None:
    """Whether the best of a metric, one of the run's own too, is its `min` or `max`, if known."""
    name = str(monitor).rpartition("/")[2]
    own = task.get("metrics") if isinstance(task, dict) else None
    if not isinstance(own, dict) or name not in own:
        return best_is(str(monitor))
    from seedbed.config.build import construct  # imports torch
    from seedbed.config.targets import resolve
    from seedbed.errors import SettingError
    from seedbed.tasks.metrics import direction

    try:
        kind = getattr(resolve(str(task["_target_"]), "task"), "kind", "")
        return direction(construct(own[name], "metric"), kind)
    except (KeyError, SettingError, TypeError):  # the checks say why
        return None


def _by_name(named: Any) -> Any:
    """Metrics as nodes by their names: of a list, each by its class's own."""
    if isinstance(named, str | list):
        nodes = [
            {"_target_": one} if isinstance(one, str) else one
            for one in ([named] if isinstance(named, str) else named)
        ]
        if all(isinstance(node, dict) and "_target_" in node for node in nodes):
            return {str(node["_target_"]).rpartition(".")[2]: node for node in nodes}
    return named


def _watching(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The configuration, and its callbacks, as far as they have a `monitor`."""
    callbacks = config.get("callbacks")
    nodes = callbacks.values() if isinstance(callbacks, dict) else ()
    for node in (config, *nodes):
        if isinstance(node, dict) and "monitor" in node:
            yield node


def _drop_leftovers(config: dict[str, Any], place: str, typed: Sequence[str]) -> None:
    """Take out what an option's file gives its own target and another one does not take."""
    from seedbed.config.checks import takes  # imports torch

    group, _, name = place.partition(".")
    node = config.get(group)
    node = node.get(name) if name and isinstance(node, dict) else node
    if not isinstance(node, dict) or not takes(group, node, None):
        return
    dropped = {
        key: node.pop(key)
        for key in [*node]
        if not (key.startswith("_") or f"{place}.{key}" in typed or takes(group, node, key))
    }
    if dropped:
        _say(f"{place}: {node['_target_']} does not take the option's {', '.join(dropped)}.")


@cache
def _say(line: str) -> None:
    log.info(line)
