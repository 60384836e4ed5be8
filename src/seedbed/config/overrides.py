"""A command line's overrides: made readable for Hydra, and all that is wrong with them.

Hydra stops at the first override it cannot use. Off the happy path only, each override is tried on
its own, the good ones are composed, and their values checked, so that all mistakes are
reported at once.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seedbed.config.compose import HEADLESS, composed, is_path, plain
from seedbed.errors import SettingError, nearest
from seedbed.project import CONF

HYDRAS = (HydraException, OmegaConfBaseException, YAMLError)
REFUSALS = (*HYDRAS, ValueError)
"""What Hydra raises against a command line; a bare ValueError for `optimizer=null`."""

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
    arguments = [*arguments, *_experiment(arguments)]
    one_fold = any(argument.lstrip("+").startswith("data.fold=") for argument in arguments)
    folds = not one_fold and any(map(FOLDS.match, arguments))
    if folds or any(argument.startswith("hydra/launcher=") for argument in arguments):
        arguments = [*arguments, MULTIRUN]  # else Hydra would run it here
    multirun = is_multirun(arguments)
    arguments = [word for argument in arguments for word in _replacing(argument)]
    # What another target takes is not among the settings of the option that it is typed over.
    keys = (_key(argument).lstrip("+") for argument in arguments)
    targets = {key.removesuffix("_target_") for key in keys if "._target_" in key}
    arguments = [
        f"++{argument}" if _key(argument).startswith((*targets,)) else argument
        for argument in arguments
    ]
    if multirun:
        arguments = [
            f"hydra.sweeper.{argument}" if argument.partition("=")[0] in SWEEPERS else argument
            for argument in arguments
        ]
    return [
        argument if before in VALUED else _readable(argument, multirun=multirun)
        for before, argument in zip(["", *arguments], arguments, strict=False)
    ]


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
    if not _can_read(argument):
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


def _experiment(arguments: list[str]) -> list[str]:
    """Choose no experiment where none is typed, and the usual one was removed from the project."""
    if any(argument.lstrip("+").startswith(("experiment=", "sweep=")) for argument in arguments):
        return []
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
    if _can_read(argument):
        return argument
    is_list = value.startswith("[") and value.endswith("]")
    if is_list or multirun:
        items = (value[1:-1] if is_list else value).split(",")
        joined = ",".join(item if _can_read(f"_={item}") else quoted(item) for item in items)
        return f"{key}=[{joined}]" if is_list else f"{key}={joined}"
    return f"{key}={quoted(value)}"


def _can_read(argument: str) -> bool:
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
    asked = {"-m", "--multirun", MULTIRUN} & set(arguments)
    return bool(asked) or any(argument.startswith("sweep=") for argument in arguments)


def check_hydras(hydra: DictConfig, *, multirun: bool) -> None:
    """Check that what was set of Hydra's own has an effect: sweeps and single runs differ in it.

    Raises:
        SettingError: Naming what would be ignored, or a directory without a name.
    """
    problems = _taken_away(list(hydra.overrides.task))
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


def setting_problems(overrides: list[str], *, multirun: bool = False) -> list[str]:
    """Everything that is wrong with a command line's overrides."""
    try:
        jobs = [*_jobs(overrides)] if multirun else [overrides]
    except SettingError as error:
        return [str(error)]
    return [*dict.fromkeys(problem for job in jobs for problem in _job_problems(job))]


def _jobs(overrides: list[str]) -> Iterator[list[str]]:
    """The jobs of a multirun, as far as they vary in one setting from the first.

    All of them would be too many to look at; a wrong value shows in these.
    """
    parser = OverridesParser.create()
    settings = []
    for text in overrides:
        values = [text]
        if _can_read(text) and (override := parser.parse_override(text)).is_sweep_override():
            if not override.is_discrete_sweep():
                continue
            key = override.get_key_element()
            try:
                values = [f"{key}={value}" for value in override.sweep_string_iterator()]
            except ValueError as error:  # range(0,1,0)
                raise SettingError(f"{text}: {error}.") from None
        settings.append(values)
    first = [values[0] for values in settings]
    yield first
    for place, values in enumerate(settings):
        for value in values[1:]:
            yield [*first[:place], value, *first[place + 1 :]]


def _job_problems(overrides: list[str]) -> list[str]:
    parser = OverridesParser.create()
    problems: list[str] = []
    choices: list[str] = []
    values: list[str] = []
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException as error:
            reason = str(error).splitlines()[0]
            if text.endswith(","):
                reason = "a value is missing after its last comma"
            problems.append(f"{text}: cannot be read ({reason})")
            continue
        if override.is_sweep_override():
            problems.append(f"{text}: several values; to train with each, add --multirun")
        elif not (_is_search(text) or (CONF / override.key_or_group).is_dir()):
            values.append(text)
        elif problem := _refusal([*choices, text]):
            searched_too = _folders(choices)
            problems.append(_choice_problem(override, problem, searched_too) or str(problem))
        else:
            choices.append(text)
    if problem := _refusal(choices):
        return [*problems, str(problem)]
    refused, good = [*problems], list[str]()
    for text in values:
        if _refusal([*choices, *good, text]):
            known = OmegaConf.to_container(composed([*choices, *good]))
            said = _taken_by(text, [*choices, *good])
            said = said or _value_problem(parser.parse_override(text), known)
            is_own = not refused or "." in text.partition("=")[0] or "did you mean" in said
            problems += [said] if is_own else []  # else what was refused may have added it
        else:
            good.append(text)
    problems += _taken_away(good)
    from seedbed.config.checks import check  # imports torch

    try:
        check(_one_fold(plain(composed([*choices, *good]))))
    except SettingError as error:
        problems.append(str(error))
    return problems


def _one_fold(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a run, where it was composed for a run a fold."""
    if isinstance(data := config.get("data"), dict) and data.get("folds"):
        data |= {"fold": data.get("fold") or 0}
    return config


def _refusal(overrides: list[str]) -> Exception | None:
    """What Hydra says against overrides; None if it composes them."""
    try:
        plain(composed(overrides))
    except REFUSALS as error:
        return error
    return None


def _folders(overrides: list[str]) -> list[Path]:
    """Where options lie: in `conf`, and where `--config-dir` says."""
    parser = OverridesParser.create()
    values = [parser.parse_override(text).value() for text in overrides if _is_search(text)]
    lists = [value for value in values if isinstance(value, list)]
    return [CONF, *(Path(str(place)) for places in lists for place in places)]


def _is_search(text: str) -> bool:
    return text.startswith(SEARCHED)


def _choice_problem(override: Override, problem: Exception, folders: list[Path]) -> str | None:
    """Name the options there are, unless an option is there and something in it is wrong."""
    if isinstance(problem, YAMLError):
        return None
    group = override.key_or_group
    if override.is_delete():
        said = f"another {group} is chosen; choose one by {group}=NAME."
        return f"{override.input_line}: {said if group else 'expected a name after ~.'}"
    options = [path.stem for folder in folders for path in (folder / group).glob("*.yaml")]
    value = override.value()
    chosen = map(str, value if isinstance(value, list) else [value])
    unknown = [
        name
        for name in chosen
        # Path's own method raises an error of a name that is too long.
        if not any(os.path.isfile(folder / group / f"{name}.yaml") for folder in folders)  # noqa: PTH113
    ]
    if not unknown:
        return f"{override.input_line}: {HEADLESS}" if f"@{group}." in str(problem) else None
    return (
        f"{override.input_line}: no such {group}; {nearest(unknown[0], options, shown_by='--help')}"
    )


def _taken_away(overrides: Sequence[str]) -> list[str]:
    """Say of each override that a later one takes away what it is about."""
    later = (overrides[place:] for place in range(1, len(overrides) + 1))
    return [*filter(None, map(_taken_by, overrides, later))]


def _taken_by(text: str, others: Sequence[str]) -> str | None:
    """Say which of some others takes away what an override is about; None if none does."""
    key = _key(text).lstrip("+~")
    for other in others:
        if other[:1] == "~" and f"{key}.".startswith(f"{_key(other)[1:]}."):
            return f"{text}: {other} takes it away; leave out one of the two."
    return None


def _value_problem(override: Override, settings: Any) -> str:
    """Say where a key leaves what there is, and what there is at that place."""
    from seedbed.config.checks import takes  # imports torch

    key, node, above = override.key_or_group, settings, ""
    if key in SWEEPERS:
        return f"{key}: is a setting of sweeps; to sweep, add --multirun."
    groups = [path.name for path in CONF.iterdir() if path.is_dir()]
    for name in key.split("."):
        if not isinstance(node, dict):
            return f"{key}: no such setting; {above[:-1]} has none below it."
        if name not in node:
            is_last = above + name == key and not override.is_delete()
            if is_last and takes(key.split(".")[0], node, name):
                return f"{key}: is not among the settings yet; write +{override.input_line}"
            known = [*node, *(groups if not above else [])]
            settable = {above + other for other in known if not other.startswith("_")}
            alike = _namesakes(key, settings, groups)
            meant = f"did you mean {' or '.join(alike)}?" if alike else None
            choices = [] if above or {*alike} & {*groups} else _choices_of(override.value(), groups)
            meant = f"did you mean {' or '.join(choices)}?" if choices else meant
            meant = _options_with(key) or meant
            meant = meant or nearest(above + name, settable, shown_by="--cfg job")
            return f"{key}: no such setting; {meant}"
        node, above = node[name], f"{above}{name}."
    said = "not a value this setting can take."
    if override.is_add():
        said = "is among the settings already; leave out the +."
    elif override.is_delete():
        typed = "=" in str(override.input_line)
        said = f"its value is another; write ~{key}." if typed else "other settings need it."
    return f"{override.input_line}: {said}"


def _choices_of(value: Any, groups: list[str]) -> list[str]:
    """The choices that a value may have been meant for: `net=mlp` for `model=mlp`."""
    name = str(value)
    named = re.fullmatch(r"\w+", name)
    found = [group for group in groups if named and (CONF / group / f"{name}.yaml").is_file()]
    return [f"{group}={name}" for group in sorted(found)]


def _options_with(key: str) -> str | None:
    """Which other options of a setting's group have it; None if none has."""
    group, _, name = key.partition(".")
    setting = re.compile(rf"^{re.escape(name)}:", re.MULTILINE)
    found = [
        f"{group}={path.stem}"
        for path in sorted((CONF / group).glob("*.yaml"))
        if setting.search(path.read_text(encoding="utf-8"))
    ]
    rest, last = found[:-1], found[-1:]
    either = " or ".join([*([", ".join(rest)] if rest else []), *last])
    return f"choose {either}, which {'have' if rest else 'has'} it." if found else None


def _namesakes(key: str, settings: Any, groups: list[str]) -> list[str]:
    """The settings whose last part is like a key's: `optimizer.lr` for `lr`."""
    above, _, last = key.rpartition(".")
    by_last: dict[str, list[str]] = {}
    for name in [*_names(settings), *groups]:
        if key.startswith("hydra.") == name.startswith("hydra."):
            by_last.setdefault(name.rpartition(".")[2], []).append(name)
    close = get_close_matches(last, by_last, n=1, cutoff=0.75)
    found = [name for match in close for name in by_last[match]]
    beside = [name for name in found if name.rpartition(".")[0] == above]
    return beside or found


def _names(settings: Any, above: str = "") -> Iterator[str]:
    """The dotted name of each value."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _names(value, f"{above}{name}.")
        elif not name.startswith("_"):
            yield f"{above}{name}"
