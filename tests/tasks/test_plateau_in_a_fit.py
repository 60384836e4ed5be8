from pathlib import Path

import pytest
import yaml
from made import executed, values_of

from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute

# Only a loss a thousand times lower would count as better, so the rate falls at the third
# validation of the fit, and at each second one from there on.
SETTINGS = ["scheduler=plateau", "scheduler.patience=1", "scheduler.gamma=0.5"]
STUBBORN = [*SETTINGS, "scheduler.threshold=0.999", "optimizer.lr=0.01", "data.held_out=8"]


def rates(folder: Path) -> list[float]:
    """The rate of the step before each validation of the fit."""
    return values_of(folder / "metrics.csv", "learning_rate")


def started(folder: Path, max_epochs: int) -> Path:
    return executed(folder, *STUBBORN, f"max_epochs={max_epochs}").path


def test_rate_follows_the_validations_of_the_fit_and_not_the_one_before_it(tmp_path: Path) -> None:
    expected = [0.01, 0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025]
    assert rates(started(tmp_path, 7)) == pytest.approx(expected)


def test_resumed_fit_goes_on_counting_where_it_stopped(tmp_path: Path) -> None:
    whole = started(tmp_path / "whole", 7)
    folder = started(tmp_path / "resumed", 4)
    run = RunDirectory(folder)
    config = run.config()
    config["max_epochs"] = config["trainer"]["max_epochs"] = 7
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    run.set_status("interrupted")
    execute(folder)
    assert rates(folder) == rates(whole)
