"""Torch's compiler, put off until something compiles: it is a quarter of what a run would import.

Lightning imports it for the class of what is compiled, and each step of an optimizer to tell it
where not to look. A stand-in serves these; whatever else is asked for brings the compiler itself,
to which what was given before still applies. Price: names of torch's that are not public.
"""

import sys
from abc import ABC
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any, TypeVar

COMPILER = "torch._dynamo"

T = TypeVar("T")


def put_off() -> None:
    """Let the stand-in take the place of the compiler, unless that has been imported."""
    if COMPILER not in sys.modules:
        sys.modules[COMPILER] = StandIn()
        sys.meta_path.insert(0, Finder())


def _brought() -> ModuleType:
    """The compiler itself, in its place."""
    if isinstance(sys.modules[COMPILER], StandIn):
        del sys.modules[COMPILER]
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Finder)]
        StandIn.OptimizedModule.register(import_module(COMPILER).OptimizedModule)
    return sys.modules[COMPILER]


class StandIn(ModuleType):
    """What a run that compiles nothing asks of the compiler."""

    class OptimizedModule(ABC):  # noqa: B024 - for others to be registered with
        """The class of what is compiled: the compiler's own counts as derived from it."""

    def __init__(self) -> None:
        super().__init__(COMPILER)
        self.__path__ = []  # a package, so that modules inside it are looked for

    @staticmethod
    def graph_break() -> None:
        """Do nothing, as the compiler's own does outside of what it compiles."""

    @staticmethod
    def disable(function: Callable[..., T], *_: Any, **__: Any) -> Callable[..., T]:
        """The function as it stands."""
        return function

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked of every module there is, as `inspect` does
            raise AttributeError(name)
        return getattr(_brought(), name)


class Finder(MetaPathFinder):
    """Finds the modules inside the compiler, by bringing it; the first one asked for ends it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How to import a module of this name, if it is inside the compiler."""
        if not name.startswith(f"{COMPILER}."):
            return None
        _brought()
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
