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
from omegaconf.errors import OmegaConfBaseException

from seedbed.compose import CONF, composed, plain
from seedbed.errors import SeedbedError, SettingError


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
    except (HydraException, OmegaConfBaseException) as error:
        overrides = [a for a in sys.argv[1:] if "=" in a and not a.startswith("-")]
        problems = setting_problems(overrides) or [str(error)]
        _leave(SettingError("\n".join(problems)))
    except SeedbedError as error:
        if folder and not any(folder.iterdir()):
            folder.rmdir()
        _leave(error)
    except KeyboardInterrupt:
        sys.exit(130)


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
        if (CONF / override.key_or_group).is_dir():
            problem = _choice_problem(override)
            if problem:
                problems.append(problem)
            else:
                choices.append(text)
        else:
            values.append(text)
    base = plain(composed(choices))
    good = []
    for text in values:
        try:
            composed([*choices, text])
            good.append(text)
        except (HydraException, OmegaConfBaseException):
            problems.append(_value_problem(parser.parse_override(text), base))
    from seedbed.preflight import check  # imports torch

    try:
        check(plain(composed([*choices, *good])))
    except SettingError as error:
        problems.append(str(error))
    return problems


def _choice_problem(override: Override) -> str | None:
    group = override.key_or_group
    options = [path.stem for path in (CONF / group).glob("*.yaml")]
    wanted = str(override.value())
    if wanted in options:
        return None
    from seedbed.preflight import nearest

    return f"{group}={wanted}: no such {group}; {nearest(wanted, options)}"


def _value_problem(override: Override, settings: dict[str, Any]) -> str:
    from seedbed.preflight import nearest

    key = override.key_or_group
    known = [*_keys(settings), *(path.name for path in CONF.iterdir() if path.is_dir())]
    if key in known:
        return f"{key}={override.get_value_element_as_str()}: not a value this setting can take."
    return f"{key}: no such setting; {nearest(key, known)}"


def _keys(node: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name not in ("_target_", "_partial_"):
                yield f"{prefix}{name}"
                yield from _keys(value, f"{prefix}{name}.")


def _leave(error: SeedbedError) -> None:
    print(error, file=sys.stderr)
    sys.exit(error.exit_status)
