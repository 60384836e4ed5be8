"""A command line's overrides, made readable for Hydra, and what it would ignore of its own."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seedbed.config.compose import is_path
from seedbed.errors import SettingError
from seedbed.project import CONF

HYDRAS = (HydraException, OmegaConfBaseException, YAMLError)
REFUSALS = (*HYDRAS, TypeError, ValueError)
"""What Hydra raises of a command line: ValueError for `task=null`, TypeError for `task=[1]`."""

SWEEPERS = (
    *("algorithm", "trials", "seeds", "max_seeds", "workers", "pruning", "fail_fast", "fresh"),
)
"""Settings of `hydra.sweeper` that a sweep's command line may have without this prefix."""

MULTIRUN = "hydra.mode=MULTIRUN"

SEARCHED = "hydra.searchpath="

OF_BOTH = ("hydra.mode", "hydra.searchpath", "hydra/launcher", "hydra/sweeper", "hydra.verbose")
"""What a sweep may have of Hydra's own beside what is for sweeps."""

BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
"""Hydra's own launcher, which is there unless another is chosen, and is never asked."""

FOLDS = re.compile(r"\+*data\.folds=(?!null$)")
"""What makes runs of one, a run a fold."""

LAUNCHER = re.compile(r"hydra/launcher=[\w-]+|hydra\.launcher\.[a-z]\w*=[\w.,-]+")
"""Where jobs run, in names and numbers that can be nothing else in a batch script."""

DASHED = re.compile(r"-+\+?([a-z_][\w./@]*)(=.*)?", re.DOTALL)
"""A name with dashes before it, and its value."""

FLAGS = (
    *("help", "version", "cfg", "resolve", "package", "run", "multirun", "info"),
    *("h", "c", "p", "r", "m", "i", "cp", "cn", "cd", "sc"),
)
"""Hydra's own that have no dash within."""

VALUED = ("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn", "--package", "-p")
"""Those that the next word belongs to."""

SPACED = (
    re.compile(r"(?:^|\0)([+~]*[a-zA-Z_][\w./@]*)[\s\0]+=[\s\0]*([^\0]*)"),
    re.compile(r"(?:^|\0)([+~]*[a-zA-Z_][\w./@]*)=\0([^\0=-][^\0=]*)(?=\0|$)"),
)
"""A name and a value with space about the sign between them, in words with \\0 between them."""

USUAL_EXPERIMENT = re.compile(r"^ *- experiment: (\S+)", re.MULTILINE)

SETTING = re.compile(r"[\w.]+")
"""The name of a setting, or of a group whose option is placed where it usually is."""


def readable(arguments: list[str]) -> list[str]:
    """Quote the values that Hydra's grammar cannot read bare, such as a line of Chinese.

    A path is always quoted, as its commas and signs mean nothing; in a multirun, where commas
    stand between values, one that exists is. There the sweeper's own settings get their prefix.
    What is for a launcher is a multirun, and so are folds.

    Raises:
        SettingError: If a setting has dashes before its name, which Hydra would take for a flag,
            or spaces about its sign.
    """
    _check_form(arguments)
    keys = {_key(argument).lstrip("+") for argument in arguments if "=" in argument}
    if not keys & {"experiment", "sweep"}:
        arguments = [*arguments, *_experiment()]
    folds = "data.fold" not in keys and any(map(FOLDS.match, arguments))
    if folds or "hydra/launcher" in keys:
        arguments = [*arguments, MULTIRUN]  # else Hydra would run it here
    multirun = is_multirun(arguments)
    # What another target takes is not among the settings of the option that it is typed over.
    retargeted = tuple(key.removesuffix("_target_") for key in keys if "._target_" in key)
    words = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        for word in _replacing(argument):
            key = _key(word)
            prefix = "++" if key.startswith(retargeted) else ""
            if multirun and key in SWEEPERS:
                prefix = "hydra.sweeper."
            is_value = before in VALUED
            words.append(word if is_value else _readable(f"{prefix}{word}", multirun=multirun))
    return words


def _check_form(arguments: list[str]) -> None:
    """Refuse what Hydra would read as something else.

    Raises:
        SettingError: Naming it, and how it is written.
    """
    for pattern in SPACED:
        if spaced := pattern.search("\0".join(arguments)):
            shown = spaced[0].strip("\0").replace("\0", " ")
            raise SettingError(f"{shown}: write {spaced[1]}={spaced[2]}, without spaces.")
    for argument in arguments:
        if (dashed := DASHED.fullmatch(argument)) and dashed[1] not in FLAGS:
            setting = f"{dashed[1]}{dashed[2] or '=VALUE'}"
            raise SettingError(f"{argument}: settings have no dashes; write {setting}")
        if argument.lstrip("+").startswith("hydra.verbose="):
            _check_verbose(argument)


def _replacing(argument: str) -> list[str]:
    """A list of nodes takes the place of settings by name, with which Hydra cannot merge it."""
    key, _, value = argument.partition("=")
    replaces = value.startswith("[") and "_target_" in value and SETTING.fullmatch(key)
    return [f"++{key}=null", argument] if replaces and "." in key else [argument]


def _check_verbose(argument: str) -> None:
    """Check what is set of Hydra's own logging, for which Hydra has an assertion only.

    Raises:
        SettingError: If it is none of these.
    """
    if not can_read(argument):
        return  # Hydra refuses it, and that is explained
    value: object = OverridesParser.create().parse_override(argument).value()
    names = value if isinstance(value, list) else [value]
    if isinstance(value, bool) or all(isinstance(name, str | QuotedString) for name in names):
        return
    raise SettingError(f"{argument}: expected true or false, a logger's name, or a list of names.")


def settings_in(arguments: list[str]) -> list[str]:
    """The overrides among a command line's arguments."""
    pairs = zip(["", *arguments], arguments, strict=False)
    words = [word for before, word in pairs if before not in VALUED and not word.startswith("-")]
    return [*searched(arguments), *(word for word in words if "=" in word or word[:1] == "~")]


def _experiment() -> list[str]:
    """Choose no experiment, where the usual one was removed from the project."""
    usual = USUAL_EXPERIMENT.search((CONF / "train.yaml").read_text(encoding="utf-8"))
    return [] if usual and (CONF / f"experiment/{usual[1]}.yaml").exists() else ["experiment=none"]


def _key(argument: str) -> str:
    return argument.partition("=")[0]


def _readable(argument: str, *, multirun: bool) -> str:
    key, _, value = argument.partition("=")
    if argument.startswith("-") or value[:1] in ("", '"', "'"):
        return argument
    is_one = not multirun or Path(os.path.expanduser(value)).exists()  # noqa: PTH111
    if is_path(key) and is_one and value != "null":
        return f"{key}={quoted(value)}"
    if value.isdecimal() and (CONF / key).is_dir():
        return f"{key}={quoted(value)}"  # an option's name; Hydra takes a text only
    if can_read(argument):
        return argument
    is_list = value.startswith("[") and value.endswith("]")
    if is_list or multirun:
        items = (value[1:-1] if is_list else value).split(",")
        joined = ",".join(item if can_read(f"_={item}") else quoted(item) for item in items)
        return f"{key}=[{joined}]" if is_list else f"{key}={joined}"
    return f"{key}={quoted(value)}"


def can_read(argument: str) -> bool:
    """Whether Hydra's grammar has it."""
    try:
        OverridesParser.create().parse_override(argument)
    except HydraException:
        return False
    return True


def quoted(value: str) -> str:
    """A value that Hydra takes as it is, whatever is in it."""
    return QuotedString(value, Quote.double).with_quotes()


def searched(arguments: list[str]) -> list[str]:
    """The override that has Hydra look for options where `--config-dir DIR` says, if it does."""
    for name in ("--config-dir", "-cd"):
        for place, argument in enumerate(arguments):
            flag, _, value = argument.partition("=")
            if flag == name and (found := value or "".join(arguments[place + 1 : place + 2])):
                return [f"{SEARCHED}[{quoted(str(Path(found).absolute()))}]"]
    return []


def is_multirun(arguments: list[str]) -> bool:
    """Whether a command line asks for several runs."""
    asked = {"-m", "--multirun", MULTIRUN} & {*arguments}
    return bool(asked) or any(argument.startswith("sweep=") for argument in arguments)


def taken_away(overrides: Sequence[str]) -> list[str]:
    """Say of each override that a later one takes away what it is about."""
    said = []
    for place, text in enumerate(overrides):
        if problem := taken_by(text, overrides[place + 1 :]):
            said.append(problem)
    return said


def taken_by(text: str, others: Sequence[str]) -> str | None:
    """Say which of some others takes away what an override is about; None if none does."""
    key = _key(text).lstrip("+~")
    for other in others:
        if other[:1] == "~" and f"{key}.".startswith(f"{_key(other)[1:]}."):
            return f"{text}: {other} takes it away; leave out one of the two."
    return None


def check_hydras(hydra: DictConfig, *, multirun: bool) -> None:
    """Check that what was set of Hydra's own has an effect: sweeps and single runs differ in it.

    Raises:
        SettingError: Naming what would be ignored, or a directory without a name.
    """
    problems = taken_away(list(hydra.overrides.task))
    for text in hydra.overrides.hydra:
        key, _, value = text.lstrip("+").partition("=")
        typed = f"{key}={value.strip(chr(34))}"  # without the quotes it was given here
        of_sweeps = key.startswith(("hydra.sweep", "hydra.launcher"))
        if of_sweeps and not multirun:
            problems.append(f"{typed}: is a setting of sweeps; to sweep, add --multirun.")
        elif multirun and not of_sweeps and key not in OF_BOTH:
            instead = "; hydra.sweep.dir names the sweep's" if key == "hydra.run.dir" else ""
            problems.append(f"{typed}: has no effect on a sweep{instead}.")
    driven = "cluster" in hydra.launcher or hydra.launcher.get("_target_") == BASIC
    if not driven:
        launcher = hydra.runtime.choices.get("hydra/launcher")
        problems.append(
            f"hydra/launcher={launcher}: jobs are started here or by slurm; leave it "
            "out, or choose slurm."
        )
    if not multirun and not str(hydra.run.dir or "").strip():
        problems.append("hydra.run.dir: expected a name; leave it out for one in logs.")
    if problems:
        raise SettingError("\n".join(problems))


def foreign(command: Iterable[str]) -> list[str]:
    """What of a sweep's command could run any code, or write anywhere, if it is not one's own."""
    return [word for word in command if not _is_of_study(word)]


def _is_of_study(word: str) -> bool:
    """Whether it is a sweep's flag, where jobs run, or a setting, but none of Hydra's or of paths.

    An option may not be looked for outside `conf`: its file could have Hydra call anything.
    """
    if word in ("-m", "--multirun", MULTIRUN) or LAUNCHER.fullmatch(word):
        return True
    key, _, value = word.partition("=")
    is_machines = key.lstrip("+~").partition(".")[0] == "paths"
    own = key == "hydra.sweep.dir" or key.removeprefix("hydra.sweeper.") in SWEEPERS
    is_place = is_path(key) and SETTING.fullmatch(key)
    leads_out = not is_place and (".." in value or "$" in value)
    return not (key.startswith("-") or leads_out or is_machines) and (own or "hydra" not in key)
