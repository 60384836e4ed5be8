"""JSON Schemas of the files in `conf`, by which an editor completes and checks them.

`make reference` writes them to `schemas/`: a file for each group, and `study.json` for files that
set several groups, as experiments do. Trade-off: they know the constructors that `conf` names; the
arguments of any other are accepted until `make reference` is run again. What depends on several
settings is left to `seedbed check`.
"""

import inspect
import json
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from seedbed.config.checks import COLLECTIONS, GIVEN, TOP_LEVEL, takes
from seedbed.config.compose import REFERENCE
from seedbed.config.targets import is_node, resolve
from seedbed.config.type_checks import hints_of
from seedbed.new.reference import arguments_of
from seedbed.project import CONF, ROOT

FOLDER = ROOT / "schemas"

Schema = dict[str, Any]

OPEN = {"anyOf": [{"type": "null"}, {"type": "string", "pattern": r"\$\{"}]}
"""What any setting may be: null, or one that follows another, as ${seed}."""

OPENED = {"$ref": "#/definitions/open"}

PLAIN: dict[Any, str] = {
    **{int: "integer", float: "number", str: "string", bool: "boolean", Path: "string"},
    **{list: "array", tuple: "array", dict: "object", types.NoneType: "null"},
}

OF_ANY_NODE: Schema = {
    "defaults": {"type": "array"},
    "_target_": {"type": "string"},
    "_partial_": {"type": "boolean"},
}


def schemas() -> dict[str, str]:
    """The text of each file, by its name."""
    made = {"study": _study()} | {group: _group(group) for group in (*GIVEN, *COLLECTIONS)}
    return {
        f"{name}.json": json.dumps(
            {"$schema": "http://json-schema.org/draft-07/schema#", **schema}, indent=1
        )
        + "\n"
        for name, schema in made.items()
    }


def _study() -> Schema:
    """Of a file that sets what is at the top level, and any of the groups."""
    groups = {
        group: {"$ref": f"{group}.json#/definitions/{'nodes' if group in COLLECTIONS else 'node'}"}
        for group in (*GIVEN, *COLLECTIONS)
    }
    options = {
        f"override /{path.name}": {"examples": sorted(file.stem for file in path.glob("*.yaml"))}
        for path in sorted(CONF.iterdir())
        if path.is_dir() and path.name != "hydra"
    }
    choices = {"anyOf": [{"type": "string"}, {"type": "object", "properties": options}]}
    texts = (path.read_text(encoding="utf-8") for path in sorted(CONF.rglob("*.yaml")))
    others = {*REFERENCE.findall("".join(texts)), "experiment_name", "paths", "hydra"}
    return {
        "type": ["object", "null"],
        "properties": {
            "defaults": {"type": "array", "items": choices},
            **{name: {} for name in sorted(others)},
            **{name: _value(hint) for name, hint in TOP_LEVEL.items()},
            **groups,
        },
        "additionalProperties": False,
        "definitions": {"open": OPEN},
    }


def _group(group: str) -> Schema:
    """Of a group's options: a node, or nodes by name; or a file that sets other groups, too."""
    known = {name: _arguments(group, name) for name in _targets(group)}
    of_targets: list[Schema] = [
        {
            "if": {"properties": {"_target_": {"const": name}}},
            "then": {"$ref": f"#/definitions/{name}"},
        }
        for name in known
    ]
    node: Schema = {
        "type": ["object", "null"],
        "properties": {"_target_": {"examples": [*known]}},
        "if": {"required": ["_target_"]},
        "then": {"allOf": of_targets},
        "else": {"$ref": "#/definitions/any"},
    }
    nodes: Schema = {
        "type": ["object", "null"],
        "properties": {"defaults": {"type": "array"}},
        "additionalProperties": {"$ref": "#/definitions/node"},
    }
    several = group in COLLECTIONS
    return {
        "if": {"required": [group]},
        "then": {"$ref": "study.json"},
        "else": {"$ref": "#/definitions/nodes" if several else "#/definitions/node"},
        "definitions": {
            "open": OPEN,
            "node": node,
            **({"nodes": nodes} if several else {}),
            **{
                name: {"properties": OF_ANY_NODE | settings, "additionalProperties": False}
                for name, settings in known.items()
            },
            # Without a target a node is merged with one of an option's, so it is of one of these.
            "any": {"anyOf": [{"$ref": f"#/definitions/{name}"} for name in known]},
        },
    }


def _targets(group: str) -> Iterator[str]:
    """What a group's options call."""
    for file in sorted((CONF / group).glob("*.yaml")):
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        nodes = content.values() if group in COLLECTIONS else [content]
        yield from (str(node["_target_"]) for node in nodes if is_node(node))


def _arguments(group: str, name: str) -> Schema:
    """The schema of each setting of a constructor, with what its docstring says."""
    called = resolve(name, group)
    hints, said = hints_of(called), arguments_of(called)
    return {
        argument: {
            **({"description": said[argument]} if argument in said else {}),
            **_value(hints.get(argument, Any)),
        }
        for argument in inspect.signature(called).parameters
        if takes(group, {"_target_": name}, argument)
    }


def _value(hint: Any) -> Schema:
    """Of a value with this hint; one of any kind has no schema."""
    # Which order a union has depends on what Python's typing has met before.
    alternatives = sorted(_alternatives(hint), key=json.dumps)
    return {} if {} in alternatives else {"anyOf": [OPENED, *alternatives]}


def _alternatives(hint: Any) -> Iterator[Schema]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        for argument in arguments:
            yield from _alternatives(argument)
    elif origin is typing.Literal:
        yield {"enum": [*arguments]}
    elif origin is tuple and ... not in arguments:
        count = len(arguments)
        items = [*map(_value, arguments)]
        yield {"type": "array", "items": items, "minItems": count, "maxItems": count}
    elif origin in (tuple, list, Sequence, Iterable):
        yield {"type": "array", "items": _value(arguments[0])}
    elif origin in (Mapping, dict):
        yield {"type": "object", "additionalProperties": _value(arguments[1])}
    elif hint in PLAIN:
        yield {"type": PLAIN[hint]}
    elif origin is Callable or (inspect.isclass(hint) and hint not in (Any, object)):
        yield {"type": "object", "required": ["_target_"]}
    else:
        yield {}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
