"""Deferral, of a small package that notes in `executed` whenever one of its modules is executed."""

import importlib
import inspect
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from seedbed.fast.deferred import Finder, defer, later

PACKAGE = "deferred_example"
FILES = {
    "__init__": """
from deferred_example import outer
__all__ = ["double", "name"]
name = "its own"
def double(x): return 2 * x
""",
    "outer": "from deferred_example.inner import value",
    "inner": "value = object()",
    "alone": "from deferred_example import name\nPACKAGES = 1",
}


@pytest.fixture
def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    (tmp_path / PACKAGE).mkdir()
    for module, code in FILES.items():
        note = "import builtins\nbuiltins.deferred_example_executed.append(__name__)\n"
        (tmp_path / PACKAGE / f"{module}.py").write_text(note + code)
    seen: list[str] = []
    monkeypatch.setattr("builtins.deferred_example_executed", seen, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr("seedbed.fast.deferred.names_of", {})
    yield seen
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{PACKAGE}.")]:
        del sys.modules[name]


def deferred(**given: Any) -> ModuleType:
    defer(PACKAGE, **given)
    return importlib.import_module(PACKAGE)


def test_given_names_need_no_import(executed: list[str]) -> None:
    assert deferred(name="given").name == "given"
    assert executed == []


def test_any_other_name_brings_the_module_into_its_place(executed: list[str]) -> None:
    stand_in = deferred(name="given")
    assert stand_in.double(4) == 8
    module = importlib.import_module(PACKAGE)
    assert stand_in is not module
    assert stand_in.name == module.name == "its own"
    assert stand_in.outer is module.outer
    assert len(executed) == 3


def test_a_stand_in_is_found_as_its_module_would_be(executed: list[str]) -> None:
    defer(f"{PACKAGE}.alone", name="given")
    package: Any = __import__(f"{PACKAGE}.alone")
    assert package.alone.name == "given"
    assert find_spec(f"{PACKAGE}.alone") is package.alone.__spec__
    assert f"{PACKAGE}.alone" not in executed
    assert package.alone.PACKAGES == 1  # brings it
    assert f"{PACKAGE}.alone" in executed
    assert package.alone is sys.modules[f"{PACKAGE}.alone"]


def test_all_names_of_a_module_bring_it(executed: list[str]) -> None:
    defer(PACKAGE, name="given")
    names: dict[str, Any] = {}
    exec(f"from {PACKAGE} import *", names)
    assert (names["name"], names["double"](4)) == ("its own", 8)


@pytest.mark.parametrize("inside", ["inner", "outer", "alone"])
def test_a_module_inside_brings_its_package_and_each_is_executed_once(
    executed: list[str], inside: str
) -> None:
    deferred()
    module = importlib.import_module(f"{PACKAGE}.{inside}")
    package = importlib.import_module(PACKAGE)
    assert executed[0] == PACKAGE
    assert len(executed) == len({*executed}) == 3 + (inside == "alone")
    assert getattr(package, inside) is module
    assert module.__spec__ is not None
    assert module.__spec__.origin == module.__file__
    assert package.outer.value is importlib.import_module(f"{PACKAGE}.inner").value


def test_a_later_function_brings_its_module_when_it_is_called(executed: list[str]) -> None:
    function = deferred(double=later(PACKAGE, "double")).double
    assert executed == []
    assert [function(4), function(x=5)] == [8, 10]
    assert len(executed) == 3


def test_what_is_missing_in_the_module_is_missing(executed: list[str]) -> None:
    stand_in = deferred()
    with pytest.raises(AttributeError, match=f"'{PACKAGE}' has no attribute 'none'"):
        _ = stand_in.none
    deferred()
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{PACKAGE}.none'"):
        importlib.import_module(f"{PACKAGE}.none")


def test_an_error_of_the_import_comes_each_time(executed: list[str], tmp_path: Path) -> None:
    (tmp_path / PACKAGE / "outer.py").write_text("raise RuntimeError('broken')")
    stand_in = deferred()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            stand_in.double(4)


def test_a_look_at_every_module_is_no_use_of_it(executed: list[str]) -> None:
    deferred()
    inspect.stack()
    assert not any(hasattr(sys.modules[PACKAGE], name) for name in ("__file__", "__version__"))
    assert executed == []


def test_a_module_that_was_imported_before_stays(executed: list[str]) -> None:
    module = importlib.import_module(PACKAGE)
    assert deferred(name="given") is module
    assert module.name == "its own"


def test_many_deferrals_are_found_by_one_finder(executed: list[str]) -> None:
    for inside in ("outer", "inner"):
        defer(f"{PACKAGE}.{inside}")
    assert sum(isinstance(finder, Finder) for finder in sys.meta_path) == 1
