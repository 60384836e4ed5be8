"""Every wrong setting at once, before data or accelerator is touched.

Two kinds go wrong: names that Hydra cannot find, and values that a constructor cannot take, which
Hydra lets pass. Both are collected, each with what was expected and the nearest valid names.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

from seedbed.build import FOLDER_ARGUMENTS, check_targets, resolve
from seedbed.errors import SettingError, nearest

TOP_LEVEL: dict[str, Any] = {
    "seed": int,
    "max_epochs": int,
    "max_steps": int,
    "check_val_every_n_epoch": int | None,
    "val_check_interval": int | float,
    "print_every": int,
    "monitor": str,
    "mode": typing.Literal["min", "max"],
    "weight_decay_on": typing.Literal["matrices", "all"],
    "compile": bool,
    "print_weights": bool,
    "prompt": str,
}
"""The settings outside any group, and their types."""

LEAST = {"seed": 0, "print_every": 1}
"""The least values of numbers outside any group."""

HIGHER_IS_BETTER = frozenset(
    ["accuracy", "precision", "recall", "specificity", "f1", "auroc", "average_precision", "r2"]
)
"""The metrics whose best is their highest."""

GIVEN: dict[str, tuple[str, ...]] = {
    "data": (),
    "net": (),  # and its sizes, which are its required arguments
    "init": ("net",),
    "task": ("net", "optimizer", "scheduler"),
    "optimizer": ("params",),
    "scheduler": ("optimizer", "total_steps"),
    "trainer": (*FOLDER_ARGUMENTS, "callbacks", "logger"),
}
"""The groups of one constructor each, and the arguments that the build adds."""

COLLECTIONS = ("callbacks", "logger")
"""The groups of several constructors by name."""

EVERY_ITEM = CollectionCheckStrategy.ALL_ITEMS

PLAIN_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "list": "a list",
    "dict": "settings by name",
    "NoneType": "null",
}


def check(config: Mapping[str, Any]) -> None:
    """Compare every setting with the constructor that will take it.

    Args:
        config: A resolved configuration of plain types.

    Raises:
        SettingError: Listing all that is wrong.
    """
    check_targets(config)
    missing = [*_missing(config)]
    problems = [*_top_level(config), *missing]
    if not missing:
        problems += [*_constructors(config), *_agreement(config)]
    if problems:
        raise SettingError("\n".join(problems))


def _top_level(config: Mapping[str, Any]) -> Iterator[str]:
    for name, expected in TOP_LEVEL.items():
        yield from _type_problem(name, config.get(name), expected)
    if config.get("max_epochs") == -1 and config.get("max_steps") == -1:
        yield "max_epochs=-1 and max_steps=-1: the fit would never end; set one of them."
    for name, least in LEAST.items():
        value = config.get(name)
        if isinstance(value, int) and value < least:
            yield f"{name}={value}: expected {least} or more."
    for name in ("max_epochs", "max_steps"):
        value = config.get(name)
        if isinstance(value, int) and value < 1 and value != -1:
            yield f"{name}={value}: expected 1 or more, or -1 for no limit."
    if config.get("prompt") == "":
        yield "prompt: expected at least one character."
    # Hydra lets an experiment's file, and `+name=value`, add what nothing reads.
    known = {*TOP_LEVEL, *GIVEN, *COLLECTIONS, "experiment_name", "paths"}
    for name in config:
        if name not in known:
            yield f"{name}: no such setting; {nearest(name, known)}"


def _missing(config: Mapping[str, Any]) -> Iterator[str]:
    """Find the groups that are not there, as after `scheduler=null`."""
    for group in GIVEN:
        if not _has_target(config.get(group)):
            yield f"{group}: there is none; choose one, {group}=NAME."
    if isinstance(config.get("callbacks"), Mapping) and not config["callbacks"].get("checkpoints"):
        yield "callbacks.checkpoints: a run is tested from its best checkpoint; leave it on."
    for group in COLLECTIONS:
        nodes = config.get(group)
        if not isinstance(nodes, Mapping):
            yield f"{group}: there is none; choose one, {group}=NAME."
            continue
        for name, node in nodes.items():
            if node is not None and not _has_target(node):
                yield f"{group}.{name}={_shown(node)}: expected a `_target_` and its arguments."


def _has_target(node: Any) -> bool:
    return isinstance(node, Mapping) and "_target_" in node


def _constructors(config: Mapping[str, Any]) -> Iterator[str]:
    """Check each node against its target."""
    net = inspect.signature(resolve(config["net"]["_target_"])).parameters
    sizes = tuple(_required(net))  # compared with the data in `_agreement`
    for group, given in (GIVEN | {"net": sizes}).items():
        yield from _node(group, config[group], given)
    for group in COLLECTIONS:
        for name, node in config[group].items():
            if node is None:  # switched off, as by callbacks.samples=null
                continue
            yield from _node(f"{group}.{name}", node, FOLDER_ARGUMENTS)


def _node(path: str, node: Mapping[str, Any], given: tuple[str, ...]) -> Iterator[str]:
    target = resolve(node["_target_"])
    parameters = inspect.signature(target).parameters
    hints = _hints(target)
    settable = set(parameters) - set(given)
    for key, value in node.items():
        if key in ("_target_", "_partial_"):
            continue
        if key not in settable:
            yield f"{path}.{key}: no such setting; {nearest(key, settable)}"
        elif key in hints:
            yield from _type_problem(f"{path}.{key}", value, hints[key])
    for name in _required(parameters):
        if name not in node and name not in given:
            yield f"{path}.{name}: is required by {node['_target_']}."


def _agreement(config: Mapping[str, Any]) -> Iterator[str]:
    """Check what two groups must agree on."""
    data = resolve(config["data"]["_target_"])
    net = inspect.signature(resolve(config["net"]["_target_"])).parameters
    if set(data.gives) != set(_required(net)):
        yield (
            f"net: {config['net']['_target_']} is made from {', '.join(_required(net))}, this data "
            f"gives {', '.join(data.gives)}. Choose another net, or other data."
        )
    task = resolve(config["task"]["_target_"])
    kind = config["data"].get("kind", data.kind)  # where it is a setting, as of a table
    if kind != task.kind:
        yield f"task: this is for {task.kind}, but the data is for {kind}; choose task={kind}."
    known = [f"val/{name}" for name in task.measures]
    if config["monitor"] not in known:
        yield f"monitor={config['monitor']}: no such metric; {nearest(config['monitor'], known)}"
        return
    mode = "max" if config["monitor"].removeprefix("val/") in HIGHER_IS_BETTER else "min"
    if config["mode"] != mode:
        yield f"mode={config['mode']}: the best {config['monitor']} is its {mode}; set mode={mode}."


def _required(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    return [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    ]


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    function = target.__init__ if inspect.isclass(target) else target
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):  # hints under TYPE_CHECKING in other people's code
        return {}


def _type_problem(name: str, value: Any, expected: Any) -> Iterator[str]:
    origins = [typing.get_origin(hint) for hint in (expected, *typing.get_args(expected))]
    if isinstance(value, list) and tuple in origins:
        value = tuple(value)
    # A flag is an int to Python, but never meant as one.
    if isinstance(value, bool) and not _takes_bool(expected):
        wrong = True
    else:
        try:
            check_type(value, expected, collection_check_strategy=EVERY_ITEM)
            wrong = False
        except TypeCheckError:
            wrong = True
    if wrong:
        kind = type(value).__name__
        yield (
            f"{name}={_shown(value)}: expected {_readable(expected)}, "
            f"got {PLAIN_NAMES.get(kind, kind)}."
        )


def _takes_bool(expected: Any) -> bool:
    return expected is Any or "bool" in str(expected) or "object" in str(expected)


def _shown(value: Any) -> str:
    """A value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_shown, value)) + "]"
    return str(value)


def _readable(expected: Any) -> str:
    """A type hint in a user's words."""
    return " or ".join(dict.fromkeys(_alternatives(expected)))


def _alternatives(expected: Any) -> Iterator[str]:
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin is typing.Literal:
        yield from map(_shown, arguments)
    elif origin in (typing.Union, types.UnionType):
        for argument in arguments:
            if getattr(argument, "__name__", "") != "Tensor":
                yield from _alternatives(argument)
    elif origin is tuple and ... not in arguments:
        yield "[" + ", ".join(map(_readable, arguments)) + "]"
    elif origin in (tuple, list, Sequence):
        yield f"a list of which each is {_readable(arguments[0])}"
    else:
        plain = str(expected).replace("typing.", "")
        yield PLAIN_NAMES.get(getattr(expected, "__name__", ""), plain)
