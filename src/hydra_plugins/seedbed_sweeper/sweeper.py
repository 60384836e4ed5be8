"""Hydra's way in to `seedbed.sweep`: makes a plan of a command line, and composes its jobs.

Hydra imports this at every start, so what takes long to import is imported once there is a sweep.
No launcher is started, and the job function not asked: a job is a run's directory, which any
process can execute, and whose files say how it ended. The launcher's settings say where that is.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from seedbed.sweep.plan import Plan


class SeedbedSweeper(Sweeper):
    """Runs a sweep; `conf/hydra/sweeper/seedbed.yaml` says what the settings are."""

    def __init__(
        self,
        *,
        algorithm: str,
        trials: int,
        seeds: int | str,
        max_seeds: int,
        workers: int,
        pruning: bool,
        fail_fast: bool,
        fresh: bool,
        params: dict[str, Any],
    ) -> None:
        self.settings = {
            "algorithm": algorithm,
            "trials": trials,
            "seeds": seeds,
            "max_seeds": max_seeds,
            "workers": workers,
            "pruning": pruning,
            "fail_fast": fail_fast,
            "fresh": fresh,
        }
        self.params = params

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take what Hydra has composed of the command line, the settings that vary left out."""
        self._loader = hydra_context.config_loader
        self._composed = config

    def sweep(self, arguments: list[str]) -> None:
        """Train with every point that has no result yet.

        Raises:
            SeedbedError: If a setting is wrong, the directory cannot be used, or jobs failed.
        """
        from seedbed.config.compose import use_paths
        from seedbed.config.overrides import check_hydras
        from seedbed.project import ROOT
        from seedbed.speed import quick_imports

        with quick_imports():
            from seedbed.sweep.run import run

        check_hydras(self._composed.hydra, multirun=True)
        use_paths(self._composed)
        plan = self._plan(arguments)
        given = self._composed.hydra.sweep.dir
        folder = Path(given) if given else ROOT / "logs" / "sweeps" / plan.name
        launcher: Any = OmegaConf.to_container(self._composed.hydra.launcher, resolve=True)
        run(
            plan,
            folder.absolute(),
            self._compose,
            command=sys.argv[1:],
            cluster=launcher if "cluster" in launcher else None,
        )

    def _plan(self, arguments: Sequence[str]) -> "Plan":
        from seedbed.config.type_checks import shown
        from seedbed.sweep.plan import Plan, Settings
        from seedbed.sweep.space import fixed, space

        parser = OverridesParser.create(config_loader=self._loader)
        shipped = [f"{key}={shown(value)}" for key, value in self.params.items()]
        overrides = {
            override.get_key_element(): override
            for override in parser.parse_overrides([*shipped, *arguments])
        }
        choices = self._composed.hydra.runtime.choices
        study = choices.get("sweep")
        if study is None:
            varies = overrides.get("experiment")
            study = "experiments" if varies and varies.is_sweep_override() else choices.experiment
        return Plan(
            study=study,
            fixed=fixed(overrides.values()),
            space=space(overrides.values()),
            settings=Settings.checked(self.settings),
        )

    def _compose(self, overrides: Sequence[str]) -> DictConfig:
        config = self._loader.load_sweep_config(self._composed, list(overrides))
        OmegaConf.clear_cache(config)  # Hydra gives all jobs one run id
        HydraConfig.instance().set_config(config)
        return config
