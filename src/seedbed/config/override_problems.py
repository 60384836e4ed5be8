"""All that is wrong with a command line's overrides: off the happy path only.

Hydra stops at the first override it cannot use. Here each is tried on its own, the good ones are
composed, and their values checked, so that all mistakes are reported at once.
"""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from yaml import YAMLError

from seedbed.config.compose import HEADLESS, composed, plain
from seedbed.config.overrides import REFUSALS, SEARCHED, SWEEPERS, can_read, taken_away, taken_by
from seedbed.errors import SettingError, nearest
from seedbed.project import CONF


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
        if can_read(text) and (override := parser.parse_override(text)).is_sweep_override():
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
            said = taken_by(text, [*choices, *good])
            said = said or _value_problem(parser.parse_override(text), known)
            is_own = not refused or "." in text.partition("=")[0] or "did you mean" in said
            problems += [said] if is_own else []  # else what was refused may have added it
        else:
            good.append(text)
    problems += taken_away(good)
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
