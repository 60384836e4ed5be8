"""Every wrong setting at once, before data or accelerator is touched.

Two kinds go wrong: names that Hydra cannot find, and values that a constructor cannot take, which
Hydra lets pass. Both are collected, each with what was expected and the nearest valid names.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from typeguard import TypeCheckError, check_type

from seedbed.build import FOLDER_ARGUMENTS, check_targets, resolve
from seedbed.errors import SettingError

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
    "prompt": str,
}
"""The settings outside any group, and their types."""

PLAIN_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
}


def check(config: Mapping[str, Any]) -> None:
    """Compare every setting with the constructor that will take it.

    Args:
        config: A resolved configuration of plain types.

    Raises:
        SettingError: Listing all that is wrong.
    """
    check_targets(config)
    problems = [*_top_level(config), *_constructors(config), *_agreement(config)]
    if problems:
        raise SettingError("\n".join(problems))


def nearest(name: str, known: Any) -> str:
    """Say which known names are like this one, or which there are."""
    known = sorted(map(str, known))
    close = get_close_matches(name, known, n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return "there is " + ", ".join(known) + "."


def _top_level(config: Mapping[str, Any]) -> Iterator[str]:
    for name, expected in TOP_LEVEL.items():
        yield from _type_problem(name, config[name], expected)
    if config["max_epochs"] == -1 and config["max_steps"] == -1:
        yield "max_epochs=-1 and max_steps=-1: the fit would never end; set one of them."


def _constructors(config: Mapping[str, Any]) -> Iterator[str]:
    """Check each node against its target; `given` is what the build adds to it."""
    net = inspect.signature(resolve(config["net"]["_target_"])).parameters
    single: dict[str, tuple[str, ...]] = {
        "data": (),
        "net": tuple(_required(net)),  # compared with the data in `_agreement`
        "task": ("net", "optimizer", "scheduler"),
        "optimizer": ("params",),
        "scheduler": ("optimizer", "total_steps"),
        "trainer": (*FOLDER_ARGUMENTS, "callbacks", "logger"),
    }
    for group, given in single.items():
        yield from _node(group, config[group], given)
    for group in ("callbacks", "logger"):
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
    if data.unit != task.unit:
        name = config["task"]["_target_"]
        yield f"task: {name} learns from {task.unit}, but this data is {data.unit}."
    known = [f"val/{name}" for name in task.measures]
    if config["monitor"] not in known:
        yield f"monitor={config['monitor']}: no such metric; {nearest(config['monitor'], known)}"


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
    if isinstance(value, list) and typing.get_origin(expected) is tuple:
        value = tuple(value)
    # A flag is an int to Python, but never meant as one.
    if isinstance(value, bool) and not _takes_bool(expected):
        wrong = True
    else:
        try:
            check_type(value, expected)
            wrong = False
        except TypeCheckError:
            wrong = True
    if wrong:
        yield f"{name}={value}: expected {_readable(expected)}, got {type(value).__name__}."


def _takes_bool(expected: Any) -> bool:
    return expected is Any or "bool" in str(expected) or "object" in str(expected)


def _readable(expected: Any) -> str:
    """A type hint in a user's words."""
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin is typing.Literal:
        return " or ".join(map(str, arguments))
    if origin in (typing.Union, types.UnionType):
        plain = [a for a in arguments if getattr(a, "__name__", "") != "Tensor"]
        return " or ".join(map(_readable, plain))
    if expected is type(None):
        return "null"
    return PLAIN_NAMES.get(getattr(expected, "__name__", ""), str(expected).replace("typing.", ""))
