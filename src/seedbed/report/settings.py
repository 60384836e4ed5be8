"""Which settings differ between runs, and what to call a run by them.

A group's class and the arguments that only some of its classes take are one setting, its choice:
`optimizer` is `Adam`, `SGD` or `SGD momentum=0.9`. What a choice brings with it, as its own default
rate, is no setting of its own: it cannot be separated from the choice. It is named beside the
table instead, and stands in `results.csv`. What was typed is a setting in any case, and comes first
in a run's name.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from seedbed.record.settings import (
    EXPERIMENT,
    NULL,
    SHOWING,
    TARGET,
    WORDS,
    Value,
    as_value,
    once,
    shown,
)

FOLDS, FOLD = "data.folds", "data.fold"

TEST = "test"
"""Whether a fit is tested at its end, as a sweep's job is not; the fit is the same."""


@dataclass(frozen=True)
class Setting:
    """A setting that differs between the runs."""

    name: str
    values: tuple[Value, ...]
    """One for each run."""
    short: str
    """Its name in a label; empty for a choice, whose value says enough."""

    @property
    def numeric(self) -> bool:
        """Whether all its values are numbers."""
        return all(isinstance(value, int | float) for value in self.values)

    def named(self, value: Value) -> str:
        """One of its values in a label."""
        return f"{self.short}={shown(value)}" if self.short else str(value)


@dataclass(frozen=True)
class Differences:
    """What differs between runs."""

    settings: list[Setting]
    """The settings by which the runs differ."""
    implied: list[str]
    """What differs only as a choice among `settings` does."""
    columns: dict[str, tuple[Value, ...]]
    """Every single setting that differs, seeds too: a value for each run."""
    common: dict[str, Value]
    """All others."""
    typed: Sequence[Sequence[str]] = ()
    """The settings on each run's command line, if that is known."""

    def label(self, run: int) -> str:
        """What to call a run; empty if it differs in nothing from the others."""
        typed = [*self.typed[run]] if self.typed else []
        places = {
            setting.name: next(
                (n for n, key in enumerate(typed) if _sets(key, setting)), len(typed)
            )
            for setting in self.settings
        }
        ordered = sorted(self.settings, key=lambda setting: places[setting.name])
        return " ".join(setting.named(setting.values[run]) for setting in ordered)

    def short_label(self, run: int) -> str:
        """The same without what others have typed and this run has left as it is."""
        others = self._ever_typed
        mine = self.typed[run] if self.typed else ()
        kept = [
            setting
            for setting in self.settings
            if any(_sets(key, setting) for key in mine)
            or not any(_sets(key, setting) for key in others)
        ]
        return replace(self, settings=kept).label(run)

    @cached_property
    def _ever_typed(self) -> set[str]:
        return {key for keys in self.typed for key in keys}


def differences(
    configs: Sequence[Mapping[str, Any]], typed: Sequence[Sequence[str]] = ()
) -> Differences:
    """Compare flat configurations.

    Args:
        configs: One for each run.
        typed: The settings on each run's command line, if that is known.
    """
    keys = dict.fromkeys(key for config in configs for key in config)
    everything = {key: tuple(as_value(config.get(key)) for config in configs) for key in keys}
    columns = once({key: column for key, column in everything.items() if len(set(column)) > 1})
    common = {key: column[0] for key, column in everything.items() if len(set(column)) == 1}
    optional = {key for key in columns if any(key not in config for config in configs)}
    groups: dict[str, list[str]] = {}
    for key in columns:
        if not (is_seed(key) or key.startswith(SHOWING) or key in (*WORDS, TEST)):
            groups.setdefault(_group(key, everything), []).append(key)
    choices: dict[str, tuple[Value, ...]] = {}
    found: dict[str, tuple[Value, ...]] = {}
    for group, members in groups.items():
        part = [key for key in members if key in optional or key.endswith(TARGET)]
        if group and part:
            choices[group] = found[group] = _choice(group, everything, part)
        else:
            part = []
        found |= {key: columns[key] for key in members if key not in part}
    if EXPERIMENT in found:
        choices[EXPERIMENT] = found[EXPERIMENT]
    words = {key for keys in typed for key in keys}
    implied = [
        name
        for name, column in found.items()
        if name not in words
        and any(
            follows(column, choices[other])
            for other in {_group(name, everything), EXPERIMENT} & (choices.keys() - {name})
        )
    ]
    kept = {name: column for name, column in found.items() if name not in implied}
    last = [name.rpartition(".")[2] for name in kept]
    counts = Counter(last)
    shorts = [short if counts[short] == 1 else name for name, short in zip(kept, last, strict=True)]
    settings = [
        Setting(name, column, "" if name in choices else short)
        for (name, column), short in zip(kept.items(), shorts, strict=True)
    ]
    return Differences(settings, implied, columns, common, typed)


def is_seed(key: str) -> bool:
    """Whether runs that differ in this alone are repeats of each other."""
    return key.endswith(("_seed", ".seed")) or key in ("seed", FOLD)


def follows(column: Sequence[Value], other: Sequence[Value]) -> bool:
    """Whether the one's value determines the other's."""
    return len(set(zip(column, other, strict=True))) == len(set(other))


def _group(key: str, known: Mapping[str, Any]) -> str:
    """The constructor that takes a setting, as `callbacks.samples`; empty if none does."""
    group = key.rpartition(".")[0]
    while group and f"{group}.{TARGET}" not in known:
        group = group.rpartition(".")[0]
    return group


def _choice(
    group: str, columns: Mapping[str, tuple[Value, ...]], optional: Sequence[str]
) -> tuple[Value, ...]:
    """Name what each run chose: the class, and what only some take that the class does not fix."""
    targets = columns[f"{group}.{TARGET}"]
    extras = [
        key for key in optional if not key.endswith(TARGET) and not follows(columns[key], targets)
    ]
    names: list[Value] = []
    for run, target in enumerate(targets):
        if target == NULL:
            names.append(f"no {group.rpartition('.')[2]}")
            continue
        words = [str(target).rpartition(".")[2]]
        for key in extras:
            if columns[key][run] != NULL:
                words.append(f"{key.rpartition('.')[2]}={shown(columns[key][run])}")
        names.append(" ".join(words))
    return tuple(names)


def _sets(key: str, setting: Setting) -> bool:
    """Whether a key that is typed, as `optimizer` or `optimizer.lr`, decides a setting."""
    is_choice = not setting.short
    return f"{setting.name}.".startswith(f"{key}.") or (
        is_choice and key.startswith(f"{setting.name}.")
    )
