"""Modules that are imported when something of them is first used, and not when they are named.

Until then a stand-in takes a module's place and has the names that it was given, with substitutes.
Any other name, or a module inside it, imports the module itself, and the stand-in has from then on
all that the module has. Trade-off: which names importers use may change with their version; a name
that is not used costs nothing, and one that was not foreseen imports the module early.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any

names_of: dict[str, dict[str, Any]] = {}
"""The names that the stand-in of each deferred module has."""


def defer(name: str, /, **given: Any) -> None:
    """Put a stand-in in the place of a module that is not imported yet.

    Args:
        name: The module's full name.
        given: What importers ask for, and what they get.
    """
    if name not in sys.modules:
        names_of[name] = given
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())


def later(name: str, function: str) -> Callable[..., Any]:
    """A function, or a class that is only called, which imports its module when it is called."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(brought(name), function)(*args, **kwargs)

    return call


def brought(name: str) -> ModuleType:
    """The module itself, in its place; a stand-in that had it becomes like it."""
    names_of.pop(name, None)
    stand_in = sys.modules.get(name)
    if not isinstance(stand_in, StandIn):
        return import_module(name)
    del sys.modules[name]
    module = import_module(name)
    vars(stand_in).update(vars(module))
    return module


class StandIn(ModuleType):
    """A module of the names that it is given; any other brings the module it stands for."""

    def __getattr__(self, name: str) -> Any:
        # Others are asked of every module there is, as `inspect` asks for `__file__`.
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        return getattr(brought(self.__name__), name)


class StandInLoader(Loader):
    """Makes the stand-in of a deferred module."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The stand-in."""
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Give it its names."""
        vars(module).update(names_of[module.__name__])


class Imported(Loader):
    """Gives a module that has been imported, for it not to be executed once more."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module as it is."""
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """Give it back its own spec."""
        module.__spec__ = self.spec


class Finder(MetaPathFinder):
    """Finds the stand-in of a deferred module, and the modules inside one by bringing it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How to import a module of this name; None where no deferral is concerned."""
        if name in names_of:
            return spec_from_loader(name, StandInLoader(), is_package=True)
        parent, _, _ = name.rpartition(".")
        if not isinstance(sys.modules.get(parent), StandIn):
            return None
        brought(parent)
        module = import_module(name)
        # Python goes by the spec of a module that got imported meanwhile.
        module.__spec__ = spec_from_loader(name, Imported(module))
        return module.__spec__
