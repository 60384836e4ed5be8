"""Modules that are imported when something of them is first used, and not when they are named.

Until then a stand-in takes a module's place and gives the names that it was given, with what will
do for them. Whatever else is asked for brings the module itself; what was given before then stays
as it is. Price: the names of other packages that stand in a deferral may change with their version;
one that is no longer asked for costs nothing, and one that is missing brings the module too early.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any


def defer(name: str, /, **given: Any) -> None:
    """Let a stand-in take the place of a module, unless that has been imported.

    Args:
        name: The module's full name.
        given: What importers ask for, and what they get.
    """
    if name not in sys.modules:
        sys.modules[name] = StandIn(name, given)
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())


def later(name: str, function: str) -> Callable[..., Any]:
    """A function, or a class to be called, that imports the module `name` when it is called."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(_brought(name), function)(*args, **kwargs)

    return call


def _brought(name: str) -> ModuleType:
    """The module itself, in its place."""
    if isinstance(sys.modules.get(name), StandIn):
        del sys.modules[name]
    return import_module(name)


class StandIn(ModuleType):
    """A module of the given names alone, which brings the module it stands for at any other."""

    def __init__(self, name: str, given: dict[str, Any]) -> None:
        super().__init__(name)
        self.__path__ = []  # a package, so that modules inside it are looked for
        vars(self).update(given)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked of every module there is, as `inspect` does
            raise AttributeError(name)
        return getattr(_brought(self.__name__), name)


class Finder(MetaPathFinder):
    """Finds a module inside one that has a stand-in, by bringing that one first."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How to import a module of this name; None where no stand-in is concerned."""
        parent, _, _ = name.rpartition(".")
        if not isinstance(sys.modules.get(parent), StandIn):
            return None
        _brought(parent)
        module = import_module(name)
        # Python goes by the spec of a module that got imported meanwhile.
        module.__spec__ = spec_from_loader(name, Imported(module))
        return module.__spec__


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
