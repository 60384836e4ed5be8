"""A value compared with a type hint, in plain words: `expected a whole number, got a text`.

The hints are those of the constructors that will take the values, so what is accepted is written
down once. Trade-off: a hint too wide lets a wrong value pass, and its constructor has to refuse it.
"""

import inspect
import json
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

EVERY_ITEM = CollectionCheckStrategy.ALL_ITEMS

PLAIN_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "settings by name",
    "NoneType": "null",
}


def hints_of(target: Callable[..., Any]) -> dict[str, Any]:
    """The types of a class's or function's arguments by name, where they are written down."""
    function = target.__init__ if inspect.isclass(target) else target
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):  # hints under TYPE_CHECKING in other people's code
        return {}


def type_problem(name: str, value: Any, expected: Any) -> str | None:
    """What is wrong with the type of a setting's value, or None."""
    if _is_beyond(value):
        return f"{name}={shown(value)}: expected whole numbers of at most 63 bits."
    if _fits(value, expected):
        return None
    kind = "nan" if _is_nan(value) else type(value).__name__
    problem = f"{name}={shown(value)}: expected {_readable(expected)}, got "
    problem += f"{PLAIN_NAMES.get(kind, kind)}."
    if value is not None and _fits(quoted := _quoted(value), expected):
        problem += f" As a text it is typed '{name}={json.dumps(quoted, ensure_ascii=False)}'."
    return problem


def _is_beyond(value: Any) -> bool:
    """Whether a whole number, in a list too, has more than 63 bits."""
    if isinstance(value, list | tuple):
        return any(map(_is_beyond, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _fits(value: Any, expected: Any) -> bool:
    if _is_nan(value):
        return False
    if isinstance(value, list) and takes_tuple(expected):
        value = tuple(value)
    origins = [typing.get_origin(hint) for hint in (expected, *typing.get_args(expected))]
    # A text is a sequence of texts to Python, but never meant as one.
    if isinstance(value, str) and Sequence in origins and not _takes_text(expected):
        return False
    # A flag is an int to Python, but never meant as one.
    if isinstance(value, bool) and not _takes_bool(expected):
        return False
    try:
        check_type(value, expected, collection_check_strategy=EVERY_ITEM)
    except TypeCheckError:
        return False
    return True


def takes_tuple(expected: Any) -> bool:
    """Whether a list, which a configuration has in its place, is to be a tuple."""
    union = typing.get_origin(expected) in (typing.Union, types.UnionType)
    hints = typing.get_args(expected) if union else (expected,)
    origins = {*hints, *map(typing.get_origin, hints)}
    return tuple in origins and not origins & {list, Sequence}


def _quoted(value: Any) -> Any:
    """A number as a text, in a list too."""
    if isinstance(value, list | tuple):
        return [*map(_quoted, value)]
    return shown(value) if isinstance(value, int | float) else value


def shown(value: Any) -> str:
    """A value as it is written on the command line."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(shown, value)) + "]"
    return str(value)


def _takes_bool(expected: Any) -> bool:
    return expected is Any or "bool" in str(expected) or "object" in str(expected)


def _takes_text(expected: Any) -> bool:
    if typing.get_origin(expected) not in (typing.Union, types.UnionType):
        return False
    hints = typing.get_args(expected)
    return str in hints or any(typing.get_origin(hint) is typing.Literal for hint in hints)


def _readable(expected: Any) -> str:
    """A type hint in plain words."""
    return " or ".join(dict.fromkeys(_alternatives(expected)))


def _alternatives(expected: Any) -> Iterator[str]:
    origin, arguments = typing.get_origin(expected), typing.get_args(expected)
    if origin is typing.Literal:
        yield from map(shown, arguments)
    elif origin in (typing.Union, types.UnionType):
        for argument in arguments:
            if getattr(argument, "__name__", "") != "Tensor":
                yield from _alternatives(argument)
    elif origin is Mapping:
        yield PLAIN_NAMES["dict"]
    elif origin is Callable:
        yield "what a `_target_` names"
    elif origin is tuple and ... not in arguments:
        yield "[" + ", ".join(map(_readable, arguments)) + "]"
    elif origin in (tuple, list, Sequence):
        yield f"a list of which each is {_readable(arguments[0])}"
    else:
        plain = str(expected).replace("typing.", "")
        yield PLAIN_NAMES.get(getattr(expected, "__name__", ""), plain)
