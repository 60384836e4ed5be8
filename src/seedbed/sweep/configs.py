"""The configurations of a sweep's jobs, and whether they can be trained with."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig

from seedbed.config.checks import check
from seedbed.config.compose import plain
from seedbed.errors import RunError, SettingError
from seedbed.sweep.ledger import Job
from seedbed.sweep.plan import Plan
from seedbed.sweep.pruning import Pruning
from seedbed.sweep.slurm import without_devices
from seedbed.sweep.space import Point, job_key, overrides_of
from seedbed.terminal import log

Compose = Callable[[Sequence[str]], DictConfig]
"""Makes a run's configuration of overrides, Hydra's own part included."""

OF_EACH_START = ("logger", "test", "report", "name", "tags", "notes")
"""What changes no fit: names with the run's id, anew each time, whether it is tested, words."""


MANY = 100
"""Points whose check takes seconds."""

SILENCE = 10.0
"""Seconds after which it says how far it is."""


@dataclass
class Configs:
    """Composes jobs' configurations; those for a point's first seed are kept."""

    plan: Plan
    compose: Compose
    elsewhere: bool = False
    """Whether jobs run on machines that have what this one may lack."""
    begun: bool = False
    """Whether the sweep goes on; jobs that begin are checked again by themselves."""
    _kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, point: Point, repeat: int = 0) -> dict[str, Any]:
        """The configuration of a job: of each seed, from the point's own on, all its folds."""
        first = self._first(point)
        seeds, fold = divmod(repeat, folds := self.folds(point))
        config = self._made(point, f"seed={first['seed'] + seeds}") if seeds else first
        return config if folds == 1 else config | {"data": config["data"] | {"fold": fold}}

    def folds(self, point: Point) -> int:
        """How many jobs a seed of a point has."""
        data = self._first(point).get("data") or {}
        return data.get("folds") or 1 if data.get("fold") is None else 1

    def composed(self, job: Job) -> DictConfig:
        """The configuration of a job as Hydra composes it, without what a sweep adds, and folds.

        Raises:
            RunError: If that is not what the job was made with.
        """
        self.check_unchanged(job)
        seed = [f"seed={job.run.config()['seed']}"] if job.repeat else []
        whole = ["data.folds=null"] if self.folds(job.point) > 1 else []
        return self.compose([*self.plan.fixed, *overrides_of(job.point), *seed, *whole])

    def check(self, points: Sequence[Point]) -> None:
        """Compare all settings with the constructors that will take them.

        Raises:
            SettingError: Listing all that is wrong, each once.
        """
        problems: dict[str, None] = {}
        said = time.monotonic()
        if len(points) > MANY:
            log.info(f"checking the settings of {len(points):,} points before any is trained")
        for number, point in enumerate(points):
            if time.monotonic() - said > SILENCE:
                said = time.monotonic()
                log.info(f"{number:,} of {len(points):,} checked")
            config = self.of(point)
            try:
                here = without_devices(config) if self.elsewhere else config
                check(here, begun=self.begun)
            except SettingError as error:
                problems |= dict.fromkeys(str(error).splitlines())
            if self.plan.settings.races and self.folds(point) > 1:
                problems["seeds=race: with data.folds, give their number."] = None
            if self.plan.settings.pruning and not config["logger"].get("csv"):
                problems["pruning=true: reads the jobs' metrics.csv; take logger=csv."] = None
        if problems:
            raise SettingError("\n".join(problems))

    def check_unchanged(self, job: Job) -> None:
        """Compare a job that has begun with what its configuration would be today.

        Raises:
            RunError: If settings have changed since: results would not be of one sweep.
        """
        if not job.run.status():
            return
        then, now = job.run.config(), self.of(job.point, job.repeat)
        changed = [key for key in now if key not in OF_EACH_START and now[key] != then.get(key)]
        if changed:
            raise RunError(
                f"{job.run.path} was made with other settings of {', '.join(changed)}: the "
                "configuration has changed since. To start the sweep over, add fresh=true."
            )

    def _first(self, point: Point) -> dict[str, Any]:
        key = job_key(point, 0)
        if key not in self._kept:
            self._kept[key] = self._made(point)
        return self._kept[key]

    def _made(self, point: Point, *more: str) -> dict[str, Any]:
        config = plain(self.compose([*self.plan.fixed, *overrides_of(point), *more]))
        config["test"] = False  # until the sweep has chosen
        config["report"] = False  # the sweep has one of all
        if self.plan.settings.pruning:
            node = {"_target_": f"{Pruning.__module__}.{Pruning.__qualname__}"}
            node |= {name: config[name] for name in ("monitor", "mode")}
            config["callbacks"] |= {"pruning": node}
        return config
