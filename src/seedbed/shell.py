"""The command line's manners: a user's mistake gets an explanation and an exit status, no trace.

Hydra stops at the first override it cannot use. Off the happy path only, each override is tried on
its own, the good ones are composed, and their values checked, so that all mistakes are told at
once.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seedbed.compose import CONF, composed, plain
from seedbed.errors import SeedbedError, SettingError, nearest

HYDRAS = (HydraException, OmegaConfBaseException)
REFUSALS = (*HYDRAS, ValueError)
"""What Hydra raises against a command line; a bare ValueError for `optimizer=null`."""


@contextmanager
def explained(folder: Path | None = None) -> Iterator[None]:
    """Turn errors that a user can cause into messages, and end with the right exit status.

    Args:
        folder: Removed again after an error if it is still empty: Hydra makes a run's directory
            before its settings are checked.
    """
    # Hydra's own handling prints half a trace and exits with 1; with this it raises instead.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        yield
    except REFUSALS as error:
        overrides = [a for a in sys.argv[1:] if "=" in a and not a.startswith("-")]
        problems = setting_problems(overrides)
        if not problems and not isinstance(error, HYDRAS):
            raise
        _leave(SettingError("\n".join(problems or [str(error)])))
    except SeedbedError as error:
        if folder and not any(folder.iterdir()):
            folder.rmdir()
        _leave(error)
    except KeyboardInterrupt:
        sys.exit(130)


def quoted(argument: str) -> str:
    """Quote a value that Hydra's grammar cannot read bare, such as a line of Chinese."""
    key, _, value = argument.partition("=")
    if value.isascii() or set(value) & set("\"'[]{}(),"):
        return argument
    return f'{key}="{value}"'


def setting_problems(overrides: list[str]) -> list[str]:
    """Everything that is wrong with a command line's overrides."""
    parser = OverridesParser.create()
    problems: list[str] = []
    choices: list[str] = []
    values: list[str] = []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException as error:
            problems.append(f"{text}: cannot be read ({str(error).splitlines()[0]})")
            continue
        if override.is_sweep_override():
            problems.append(f"{text}: several values; to train with each, add --multirun")
        elif not (CONF / override.key_or_group).is_dir():
            values.append(text)
        elif problem := _choice_problem(override) or _refusal([*choices, text]):
            problems.append(problem)
        else:
            choices.append(text)
    base = OmegaConf.to_container(composed(choices))
    good = []
    for text in values:
        if _refusal([*choices, text]):
            problems.append(_value_problem(parser.parse_override(text), base))
        else:
            good.append(text)
    from seedbed.preflight import check  # imports torch

    try:
        check(plain(composed([*choices, *good])))
    except SettingError as error:
        problems.append(str(error))
    return problems


def _refusal(overrides: list[str]) -> str | None:
    """What Hydra says against overrides; None if it composes them."""
    try:
        plain(composed(overrides))
    except REFUSALS as error:
        return str(error)
    return None


def _choice_problem(override: Override) -> str | None:
    group = override.key_or_group
    options = [path.stem for path in (CONF / group).glob("*.yaml")]
    wanted = str(override.value())
    if wanted in options:
        return None
    return f"{override.input_line}: no such {group}; {nearest(wanted, options)}"


def _value_problem(override: Override, settings: Any) -> str:
    """Say where a key leaves what there is, and what there is at that place."""
    key, node, above = override.key_or_group, settings, ""
    groups = [path.name for path in CONF.iterdir() if path.is_dir()]
    for name in key.split("."):
        if not isinstance(node, dict):
            return f"{key}: no such setting; {above[:-1]} has none below it."
        if name not in node:
            known = [*node, *(groups if not above else [])]
            settable = {above + other for other in known if not other.startswith("_")}
            return f"{key}: no such setting; {nearest(above + name, settable)}"
        node, above = node[name], f"{above}{name}."
    return f"{override.input_line}: not a value this setting can take."


def _leave(error: SeedbedError) -> None:
    print(error, file=sys.stderr)
    sys.exit(error.exit_status)
