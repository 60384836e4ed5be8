"""The form of a run's configuration, which carries its version; an earlier one is upgraded.

Version 1, of runs that say none, named the shipped studies' classes within the frame, and kept at
its top level what an experiment adds for its own nodes to refer to. Version 2 had the callbacks of
`looks/` among those that every fit needs.
"""

from collections.abc import Mapping
from typing import Any

from seedbed.errors import RunError
from seedbed.project import is_there, own_studies

KEY = "schema_version"
VERSION = 3

LOOKS = {
    "seedbed.callbacks.board.Board": "seedbed.looks.board.Board",
    "seedbed.callbacks.diagnostics.Diagnostics": "seedbed.looks.diagnostics.Diagnostics",
    "seedbed.callbacks.weight_path.WeightPath": "seedbed.looks.weight_path.WeightPath",
    "seedbed.callbacks.weight_table.WeightTable": "seedbed.looks.weight_table.WeightTable",
}
"""Where the callbacks of version 2 stand now."""


OF_EVERY_RUN: dict[str, str | None] = {"seedbed.callbacks.equation.Equation": None}
"""Names of what each run of version 1 had, whatever its study; None: there is no such thing now."""


def current(config: Mapping[str, Any], source: object) -> dict[str, Any]:
    """A configuration that was read, in the form of this version, which it names no more.

    Raises:
        RunError: If it is of a later version.
    """
    settings = dict(config)
    version = settings.pop(KEY, 1)
    if version not in (1, 2, VERSION):
        raise RunError(
            f"{source}: {KEY}={version}: this version of Seedbed opens runs up to {VERSION}; "
            "open it with the version that wrote it."
        )
    if version == 1:
        settings = _from_version_1(settings)
    if not is_there("seedbed.looks"):  # which no run needs to be opened
        settings = _moved(settings, dict.fromkeys((*LOOKS, *LOOKS.values())))
    elif version != VERSION:
        settings = _moved(settings, LOOKS)
    return settings


def _from_version_1(settings: dict[str, Any]) -> dict[str, Any]:
    """Map each class of a study to where it stands; drop what was a value of nodes alone."""
    moved = {**OF_EVERY_RUN}
    for study in own_studies():
        moved |= getattr(study, "FORMER_TARGETS", {})
    dropped = {name for study in own_studies() for name in getattr(study, "FORMER_SETTINGS", ())}
    kept = {name: value for name, value in settings.items() if name not in dropped}
    upgraded: dict[str, Any] = _moved(kept, moved)
    return upgraded


def _moved(node: Any, moved: Mapping[str, str | None]) -> Any:
    """A part of a configuration by its targets' present names; None where there is none now."""
    if isinstance(node, list):
        return [_moved(one, moved) for one in node]
    if not isinstance(node, dict):
        return node
    target = node.get("_target_")
    if isinstance(target, str) and moved.get(target, target) is None:
        return None
    renamed = {"_target_": moved.get(target, target)} if isinstance(target, str) else {}
    return {name: _moved(value, moved) for name, value in node.items()} | renamed
