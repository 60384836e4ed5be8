"""Conditions on a run's settings, as `--where 'optimizer.lr<0.01'` has them."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedbed.errors import SettingError, nearest

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
FORM = re.compile(r"\s*([\w./]+)\s*(<=|>=|!=|==|=|<|>)\s*(.*?)\s*")


@dataclass(frozen=True)
class Condition:
    """A setting, compared with a value; a text where it is in a list or in notes."""

    key: str
    sign: str
    value: str

    @classmethod
    def parsed(cls, text: str) -> "Condition":
        """Read a condition.

        Raises:
            SettingError: If it is none.
        """
        if not (found := FORM.fullmatch(text)):
            raise SettingError(
                f"--where {text}: expected a setting, one of {' '.join(OPERATORS)}, a value, as "
                "'optimizer.lr<0.01' or tags=paper."
            )
        condition = cls(*found.groups())
        if condition.sign[0] in "<>" and _number(condition.value) is None:
            raise SettingError(f"--where {text}: expected a number after {condition.sign}.")
        return condition

    def holds(self, settings: Mapping[str, Any]) -> bool:
        """Whether it does, of flat settings; a setting that is not there fulfils no condition."""
        if self.key not in settings:
            return False
        there = settings[self.key]
        if self.key == "notes" or isinstance(there, list):
            equal = self.value in (str(there) if self.key == "notes" else map(str, there))
            return equal != (self.sign == "!=")
        numbers = [_number(there), _number(self.value)]
        if None not in numbers:
            return OPERATORS[self.sign](*numbers)
        if self.sign in ("=", "==", "!="):
            return OPERATORS[self.sign](_word(there), self.value.lower())
        return False


def chosen(configs: Sequence[Mapping[str, Any]], where: Sequence[str]) -> list[bool]:
    """Whether each of some flat configurations fulfils all conditions; classes go by their names.

    Raises:
        SettingError: If one is no condition, or no configuration has its setting.
    """
    conditions = [*map(Condition.parsed, where)]
    all_settings = [{**config, **_classes(config)} for config in configs]
    for condition in conditions:
        if not any(condition.key in settings for settings in all_settings):
            known = {key for settings in all_settings for key in settings}
            raise SettingError(
                f"--where {condition.key}: no run has such a setting; "
                f"{nearest(condition.key, known)}"
            )
    return [all(each.holds(settings) for each in conditions) for settings in all_settings]


def _classes(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a group's constructor is called, by the group: `optimizer` is `Adam`."""
    ending = "._target_"
    return {
        key.removesuffix(ending): str(target).rpartition(".")[2]
        for key, target in config.items()
        if key.endswith(ending)
    }


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _word(value: Any) -> str:
    """A setting as it is typed, whatever its case."""
    return "null" if value is None else str(value).lower()
