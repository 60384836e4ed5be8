"""The project: its folder, its configuration, and the packages that are its own.

The folder is that of `train.py`; for a verb, the checkout that holds the imported package; or what
SEEDBED_PROJECT says. It is never the current folder and never a run's, because what may be
constructed is decided by the project's own `pyproject.toml`.
"""

import os
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

FRAME = "seedbed"

VERSION = "0.1.0"
"""The frame's, also in a project that has a name and a version of its own."""

VARIABLE = "SEEDBED_PROJECT"

_PACKAGE = Path(__file__).resolve().parent


def _root() -> Path:
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser().absolute()
    checkout = _PACKAGE.parents[1]
    return checkout if (checkout / "train.py").is_file() else _PACKAGE


ROOT = _root()
"""The project's folder, in which `conf` and `logs` lie; of the frame alone, its package."""

CONF = ROOT / "conf"

LOGS = ROOT / "logs" if ROOT != _PACKAGE else Path("logs")


@cache
def settings() -> dict[str, Any]:
    """The table `[tool.seedbed]` of the project's pyproject.toml; empty where there is none."""
    file = ROOT / "pyproject.toml"
    if not file.is_file():
        return {}
    table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    return dict(table.get("tool", {}).get("seedbed", {}))


@cache
def own_packages() -> tuple[str, ...]:
    """The packages whose classes a configuration may name: the frame's, and the project's."""
    source = str(ROOT / "src")
    named = tuple(settings().get("packages", ()))
    if source not in sys.path and not all(map(find_spec, named)):
        sys.path.append(source)  # a project that is not installed itself
    return (FRAME, *filter(find_spec, named))


def is_there(extra: str) -> bool:
    """Whether a part such as `seedbed.looks` is; where Git deletes one, `__pycache__` stays."""
    spec = find_spec(extra)
    return spec is not None and spec.origin is not None


def own_studies() -> Iterator[ModuleType]:
    """The packages right inside the project's own, a study each; only they are imported."""
    for name in own_packages()[1:]:
        for module in iter_modules(getattr(import_module(name), "__path__", ())):
            if module.ispkg:
                yield import_module(f"{name}.{module.name}")
