"""The one way to `fast/`, which relies on other packages' private names and can be left out.

It is off where `SEEDBED_FAST=0` or `fast=false` says so, where the folder was deleted, and, with
one line printed, for versions that it was not tested with; `SEEDBED_FAST=1` turns it on even then.
What a run computes is the same either way, so no record keeps it.
"""

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import starmap
from typing import TYPE_CHECKING

from seedbed.project import is_there

if TYPE_CHECKING:
    from lightning import Trainer

VARIABLE = "SEEDBED_FAST"


def switched(arguments: list[str]) -> list[str]:
    """Obey `fast=true` or `fast=false` among a command line's arguments; return the others."""
    others = []
    for argument in arguments:
        if argument in ("fast=true", "fast=false"):
            os.environ[VARIABLE] = str(int(argument == "fast=true"))
        else:
            others.append(argument)
    return others


def quick_imports() -> AbstractContextManager[None]:
    """Import what a run needs in less time, where that is on."""
    if not is_on():
        return nullcontext()
    from seedbed.fast.imports import quick_imports as quick

    return quick()


def with_lean_steps(trainer: "Trainer") -> "Trainer":
    """Have a Trainer take steps without the calls that have nothing to do, where that is on."""
    if not is_on():
        return trainer
    from seedbed.fast.steps import with_lean_steps as lean

    return lean(trainer)


@cache
def is_on() -> bool:
    """Whether `fast/` is there and is to be used."""
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "0" or not is_there("seedbed.fast"):
        return False
    from seedbed.fast import TESTED

    others = [*filter(None, starmap(_other, TESTED.items()))]
    if not others or wanted == "1":
        return True
    os.environ[VARIABLE] = "0"  # so that it is reported once, and not by each process
    print(f"fast: off, as it was not tested with {', '.join(others)}", file=sys.stderr)
    return False


def _other(name: str, tested: str) -> str | None:
    """A package's name and version where it is another than the one that was tested."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version(name)
    except PackageNotFoundError:
        return f"no {name}"
    return None if f"{found}.".startswith(f"{tested}.") else f"{name} {found}"
