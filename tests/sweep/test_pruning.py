import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import create_trial

from seedbed.sweep.pruning import Curve, Pruning, is_pruned


def by_optuna(mine: Curve, others: list[Curve], mode: str, startup: int) -> bool:
    """What Optuna's MedianPruner says of the same curves."""
    study = optuna.create_study(
        direction="maximize" if mode == "max" else "minimize",  # type: ignore[arg-type]
        pruner=optuna.pruners.MedianPruner(n_startup_trials=startup),
    )
    study.add_trials([create_trial(value=0.0, intermediate_values=dict(c)) for c in others])
    trial = study.ask()
    for step, value in mine.items():
        trial.report(value, step)
    return bool(trial.should_prune())


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("count", [0, 4, 5, 6, 9])
def test_rule_is_that_of_optunas_median_pruner(mode: Any, count: int) -> None:
    random = np.random.default_rng(count)
    verdicts = []
    for _ in range(20):
        values = random.normal(size=(count + 1, 2)).tolist()
        *others, mine = [dict(zip((10, 20), curve, strict=True)) for curve in values]
        verdicts.append(is_pruned(mine, others, mode=mode, startup=5))
        assert verdicts[-1] == by_optuna(mine, others, mode, 5)
    assert any(verdicts) == (count >= 5)


def test_jobs_without_a_value_at_the_step_are_left_out() -> None:
    long = [{10: 1.0, 20: 0.5}] * 5
    assert is_pruned({10: 2.0}, long, mode="min", startup=5)
    assert not is_pruned({15: 2.0}, long, mode="min", startup=5)


def sibling(folder: Path, state: dict[str, Any], value: float) -> None:
    folder.mkdir()
    (folder / "status.json").write_text(json.dumps(state))
    (folder / "metrics.csv").write_text(f"step,val/loss,test/loss\n10,{value},\n10,,{value}\n")


def verdict(directory: Path) -> str | None:
    rule = Pruning(directory=str(directory), monitor="val/loss", mode="min", startup=2)
    rule.step = 10
    return rule.reason(2.0)


def test_finished_jobs_beside_a_run_decide(tmp_path: Path) -> None:
    for name in "abc":
        sibling(tmp_path / name, {"state": "finished"}, 1.0)
    (tmp_path / "sweep.yaml").touch()
    assert verdict(tmp_path / "mine") == (
        "pruned: val/loss is worse than the median of 3 other jobs."
    )


def test_pruned_failed_and_running_jobs_do_not_count(tmp_path: Path) -> None:
    states: list[dict[str, Any]] = [{"state": "finished", "pruned": 10}, {"state": "failed"}]
    for name, state in zip("abcd", [*states, {"state": "running"}, {}], strict=True):
        sibling(tmp_path / name, state, 1.0)
    (tmp_path / "sweep.yaml").touch()
    assert verdict(tmp_path / "mine") is None


def test_run_outside_of_a_sweep_is_never_pruned(tmp_path: Path) -> None:
    for name in "abc":
        sibling(tmp_path / name, {"state": "finished"}, 1.0)
    assert verdict(tmp_path / "mine") is None
