"""What each constructor that a configuration can reach touches: files, servers, processes, pickles.

`python tests/config/reach.py` prints it, for the project in which that file is or that
SEEDBED_PROJECT names. Each is called as a run's build calls it, with plain values that fit its
hints, among them the places of a file, a folder and a server; Python's audit events say what
happens. Trade-off: native code raises none of them, so files that appear are looked for as well.
"""

import inspect
import itertools
import json
import logging
import os
import pickle
import pkgutil
import re
import sys
import typing
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from seedbed.config.build import construct_in
from seedbed.config.checks import takes
from seedbed.config.targets import FILLED_IN, KINDS, is_called_later, required, resolve
from seedbed.config.type_checks import hints_of, type_problem
from seedbed.errors import SettingError
from seedbed.optim.groups import parameter_groups
from seedbed.project import own_packages

# --- what happens ---------------------------------------------------------------------------------

SAID = {
    "writes": (
        *("os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir"),
        *("os.symlink", "os.truncate", "os.utime"),
    ),
    "reads": ("os.listdir", "os.scandir"),
    "starts": (
        *("os.exec", "os.fork", "os.forkpty", "os.kill", "os.killpg", "os.posix_spawn"),
        *("os.spawn", "os.system", "pty.spawn", "subprocess.Popen"),
    ),
    "loads": ("ctypes.dlopen",),
    "sets": ("os.putenv",),
}
EVENTS = {event: said for said, events in SAID.items() for event in events}
"""Audit events that matter, with what is said of them; `note` knows the others."""

SERVERS = ("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "imaplib.", "poplib.", "nntplib.")

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

COMPILING = ("collections", "dataclasses", "inspect", "typing")
"""Modules of Python's own that compile what a class or a hint says."""

own_packages()  # which may add a place to import from
INSTALLED = tuple(os.path.realpath(place) + os.sep for place in sys.path[1:] if place)
"""From where Python imports: what is read there is what an import reads."""


class Heard:
    """What audit events say of the world outside this process, while it listens."""

    def __init__(self) -> None:
        self.listens = False
        self.touched: set[tuple[str, str]] = set()
        sys.addaudithook(self._hear)

    @contextmanager
    def during(self) -> Iterator[set[tuple[str, str]]]:
        """Listen; what is touched meanwhile, and which modules of no package are imported."""
        modules, self.touched, self.listens = {*sys.modules}, set(), True
        try:
            yield self.touched
        finally:
            self.listens = False
        for name in {*sys.modules} - modules:
            file = getattr(sys.modules[name], "__file__", None)
            if file and not _is_installed(file):
                self.touched.add(("imports", name))

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.listens and (said := _said(event, arguments)):
            self.touched.add(said)


def _said(event: str, arguments: tuple[Any, ...]) -> tuple[str, str] | None:
    first = arguments[0] if arguments else None
    if event == "open" and not isinstance(first, int):
        said = "writes" if arguments[2] & WRITING else "reads"
    elif event == "compile" and first is not None and str(arguments[1]).startswith("<"):
        by = sys._getframe(2).f_globals.get("__name__")
        text = first.decode() if isinstance(first, bytes) else str(first)
        return None if by in COMPILING else ("compiles", text[:60])
    elif event == "pickle.find_class":
        return "unpickles", f"{first}.{arguments[1]}"
    elif event.startswith(SERVERS):
        return "asks a server", event
    elif event in EVENTS:
        said = EVENTS[event]
    else:
        return None
    what = os.fsdecode(first) if isinstance(first, str | bytes | os.PathLike) else str(first)
    if said in ("reads", "writes"):
        what = os.path.realpath(what)
    return None if said == "reads" and _is_installed(what) else (said, what)


def _is_installed(place: str) -> bool:
    return (os.path.realpath(place) + os.sep).startswith(INSTALLED)


# --- what can be reached --------------------------------------------------------------------------


def own_modules() -> Iterator[str]:
    """The modules of the project's own packages."""
    for package in own_packages():
        places = import_module(package).__path__
        for module in pkgutil.walk_packages(places, f"{package}."):
            if not module.name.endswith("__main__"):
                yield module.name


def reachable() -> Iterator[tuple[str, str, Any]]:
    """Each kind of place, the name of each constructor that may stand there, and that one."""
    own = [f"{module}.{name}" for module in own_modules() for name in vars(import_module(module))]
    for kind, rule in KINDS.items():
        places = [listed.rpartition(".") for listed in rule.foreign]
        foreign = [
            f"{module}.{name}"
            for module, _, attribute in places
            for name in (dir(import_module(module)) if attribute == "*" else [attribute])
        ]
        found: dict[Any, str] = {}
        for name in (*own, *foreign):
            try:
                found.setdefault(resolve(name, kind), name)
            except SettingError:
                continue
        yield from ((kind, name, target) for target, name in found.items())


# --- what is tried --------------------------------------------------------------------------------


KNOWN = {
    **{"task": "multiclass", "num_classes": 3, "num_labels": 3, "dataset": "FashionMNIST"},
    **{"cutoffs": [1], "scheduling": {0: 1}, "clamping_mode": "soft"},
}
"""What some constructors take, and nothing of these others."""

PLAIN = (2, 0.5, 1, 8, True, [2, 2], [0.5, 0.5], [0.5, 2.0], {}, "x", [0, 1])

TRIES = 60
"""Combinations of plain values for the arguments that are required."""

SAYS = re.compile(
    r"(?<![a-z])(path|dir|file|filename|url|uri|root|folder|place|source|fn|func|function|call|"
    r"callable|hook|closure|getter|kwargs|module|model|weights|pretrained|checkpoint|ckpt|registry|"
    r"plugins?|profiler|strategy|accelerator|dataset|vocabulary|name|id|project|experiment|prefix|"
    r"version)(?![a-z])|Path|Callable|Module|Weights|IO(?![a-z])",
)
"""Names and hints of arguments that may lead to files, servers or code."""

LATER = ("optimizer", "scheduler")
"""Kinds that a node calls by `_partial_`."""


def texts(scratch: Path) -> list[Any]:
    """The places of a file, which is a pickle, of its folder, and of a server, as typed."""
    folder = scratch / "folder"
    folder.mkdir()
    file = folder / "file"
    file.write_bytes(pickle.dumps(itertools.count))
    return [str(file), str(folder), "http://server.invalid/file", [str(file)], {"x": str(file)}]


def fitting(name: str, hint: Any, values: Sequence[Any]) -> list[Any]:
    """Those of some values that the check of a run's settings lets through."""
    return [value for value in values if type_problem(name, value, hint) is None]


def plain(name: str, hint: Any) -> list[Any]:
    """Plain values that fit an argument, the likeliest first."""
    named = [one for one in typing.get_args(hint) if isinstance(one, str | int | float)]
    return fitting(name, hint, [*([KNOWN[name]] if name in KNOWN else []), *named, *PLAIN])


def call(kind: str, target: Any, node: Mapping[str, Any], folder: Path) -> None:
    """Construct as the build does, with what it adds and no setting gives."""
    parameters = inspect.signature(target).parameters
    added: dict[str, Any] = {
        "init": {"net": nn.Linear(2, 2)},
        "task": {"net": nn.Linear(2, 2), "optimizer": None, "scheduler": None},
        "trainer": {"callbacks": [], "logger": False, "plugins": []},
    }.get(kind, {})
    added = {name: value for name, value in added.items() if name in parameters}
    with torch.device("meta" if kind in ("net", "task") else "cpu"):
        made = construct_in(folder, node, kind, **added)
    if kind == "optimizer":
        made(parameter_groups(nn.Linear(2, 2, bias=False)))
    elif kind == "scheduler":
        optimizer = torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1, momentum=0.9)
        made(optimizer, **({"total_steps": 9} if "total_steps" in parameters else {}))
    elif kind == "logger" and target.__module__.startswith("seedbed."):  # others ask for accounts
        assert made.experiment
    elif is_called_later(target, kind):
        made(*([torch.rand(4), torch.rand(4)] if inspect.isfunction(target) else []))


class Tried:
    """A constructor called with plain values, then with each other value of each argument.

    Args:
        kind: The kind of place.
        name: What a configuration calls it.
        target: The constructor.
        texts: Places, for arguments that take a text.
        folder: Stands for the run's.
    """

    def __init__(self, kind: str, name: str, target: Any, texts: list[Any], folder: Path) -> None:
        hints, parameters = hints_of(target), inspect.signature(target).parameters
        node = {"_target_": name} | ({"_partial_": True} if kind in LATER else {})
        settable = [one for one in parameters if takes(kind, node, one)]
        filled = {*FILLED_IN.get(kind, ())} & {*parameters}
        needed = [n for n in required(target) if n in settable or kind == "net" or n in filled]
        needed += sorted(filled - {*needed})
        choices = itertools.product(*(plain(one, hints.get(one, Any)) for one in needed))
        self.places = [
            one
            for one in settable
            if SAYS.search(one) or SAYS.search(str(parameters[one].annotation))
            if fitting(one, hints.get(one, Any), texts)
        ]
        self.error = "needs what no plain value is"
        for values in itertools.islice(choices, TRIES):
            node |= zip(needed, values, strict=True)
            try:
                call(kind, target, node, folder)
            except Exception as error:  # any: the values are anyone's
                self.error = f"{type(error).__name__}: {error}"
            else:
                self.error = ""
                break
        for argument in settable:
            for value in fitting(argument, hints.get(argument, Any), [*texts, True, False, 1]):
                if value != parameters[argument].default:
                    with suppress(Exception):
                        call(kind, target, node | {argument: value}, folder)


def walk() -> dict[str, dict[str, Any]]:
    """Walk all that can be reached.

    Returns:
        By kind and name: what it `touches`, its `places`, which are the arguments that take a text
        and by their name or hint might be one, and the `error` of what plain values do not make.
        Under `left` is what lies in the current folder at the end.
    """
    logging.disable()
    warnings.simplefilter("ignore")
    heard = Heard()
    report: dict[str, dict[str, Any]] = {}
    with TemporaryDirectory() as name, chdir(name), redirect_stdout(StringIO()):
        scratch = Path(os.path.realpath(name))
        places, run, here = texts(scratch), scratch / "run", scratch / "here"
        run.mkdir()
        here.mkdir()
        os.chdir(here)
        for module in own_modules():
            with heard.during() as touched:
                import_module(module)
            report[f"import {module}"] = {"touches": touched}
        for kind, constructor, target in reachable():
            with heard.during() as touched, redirect_stderr(StringIO()):
                tried = Tried(kind, constructor, target, places, run)
            row = {"touches": touched, "places": tried.places, "error": tried.error}
            report[f"{kind} {constructor}"] = row
        report["left"] = {"touches": {("writes", str(one)) for one in here.rglob("*")}}
        for row in report.values():
            found = {f"{said} {what}" for said, what in row["touches"]}
            row["touches"] = sorted(one.replace(str(scratch), "~") for one in found)
    return report


def shown(report: dict[str, dict[str, Any]]) -> str:
    """A line for each constructor, and one for all that it touches, takes or fails by."""
    return "\n".join(
        "\n    ".join(
            (
                name,
                *row["touches"],
                *(f"takes a text as {one}" for one in row.get("places", ())),
                *([f"not made: {row['error']}"] if row.get("error") else ()),
            )
        )
        for name, row in report.items()
    )


if __name__ == "__main__":
    walked = walk()
    print(json.dumps(walked) if sys.argv[1:] == ["--json"] else shown(walked))
