"""What a sweep is to try, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seedbed.config.type_checks import hints_of, type_problem
from seedbed.errors import SettingError
from seedbed.sweep.space import Choice, Dimension, digest

FIRST = 2
"""Seeds with which each point of a race starts."""


@dataclass(frozen=True)
class Settings:
    """The sweeper's settings, which `conf/hydra/sweeper/seedbed.yaml` explains."""

    algorithm: Literal["grid", "random", "tpe"]
    trials: int
    seeds: int | Literal["race"]
    max_seeds: int
    workers: int
    pruning: bool
    fail_fast: bool
    fresh: bool

    @property
    def races(self) -> bool:
        """Whether points that cannot win any more get no more seeds."""
        return self.seeds == "race"

    @property
    def first_seeds(self) -> int:
        """How many seeds each point gets."""
        return FIRST if self.seeds == "race" else self.seeds

    @classmethod
    def checked(cls, values: Mapping[str, Any]) -> "Settings":
        """Make settings of values from anywhere.

        Raises:
            SettingError: Listing all that is wrong.
        """
        hints = hints_of(cls)
        problems = [type_problem(name, value, hints[name]) for name, value in values.items()]
        for name, least in (("trials", 1), ("seeds", 1), ("max_seeds", 2), ("workers", 1)):
            if isinstance(values[name], int) and values[name] < least:
                problems.append(f"{name}={values[name]}: expected {least} or more.")
        if values["seeds"] == "race" and values["pruning"] is True:
            problems.append("seeds=race, pruning=true: a pruned job says nothing of its seed.")
        if any(problems):
            raise SettingError("\n".join(filter(None, problems)))
        return cls(**values)


@dataclass(frozen=True)
class Plan:
    """A sweep: what is the same for all its points, what varies, and the sweeper's settings."""

    study: str
    """What it is called: the sweep's configuration, or the experiment."""
    fixed: tuple[str, ...]
    space: tuple[Dimension, ...]
    settings: Settings

    def __post_init__(self) -> None:
        if self.settings.seeds != 1 and any(dimension.key == "seed" for dimension in self.space):
            raise SettingError("seed and seeds: expected one of the two; seeds=3 means three.")

    @property
    def identity(self) -> dict[str, Any]:
        """All but the budget: a command with the same one goes on with the sweep."""
        return {
            "algorithm": self.settings.algorithm,
            "pruning": self.settings.pruning,
            "fixed": sorted(self.fixed),
            "space": {dimension.key: _extent(dimension) for dimension in self.space},
        }

    @property
    def name(self) -> str:
        """A directory's name that only this sweep has."""
        identity = self.identity
        space = sorted(identity.pop("space").items())
        return f"{self.study}-{digest([identity, space])}"


def _extent(dimension: Dimension) -> list[Any]:
    if isinstance(dimension, Choice):
        return sorted(dimension.values)
    return [dimension.low, dimension.high, "log" if dimension.log else "linear"]
