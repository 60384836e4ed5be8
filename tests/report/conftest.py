"""Run directories as a run leaves them, without a run."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

MakeRun = Callable[..., Path]


@pytest.fixture(scope="session")
def write_run() -> MakeRun:
    """Write a run's files: `val` is its validation losses, the first before any training."""

    def write(
        folder: Path,
        val: Sequence[float],
        *,
        state: str = "finished",
        optimizer: dict[str, Any] | None = None,
        error: str = "",
        **top: Any,
    ) -> Path:
        folder.mkdir(parents=True)
        config = {
            "experiment_name": "line",
            "seed": 1,
            "max_steps": 10,
            "monitor": "val/loss",
            "mode": "min",
            **top,
        }
        config |= {
            "data": {"_target_": "studies.points.points.Line", "seed": config["seed"]},
            "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.01, **(optimizer or {})},
            "trainer": {"max_steps": config["max_steps"]},
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        with (folder / "metrics.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", "val/loss", "epoch", "train/loss"])
            for step, loss in enumerate(val):
                writer.writerow([step, loss, max(step - 1, 0), loss / 2 if step else ""])
        status = {
            "state": state,
            "started": "2026-01-31T12:00:00+00:00",
            "ended": "2026-01-31T12:01:05+00:00",
        }
        if error:
            status["error"] = error
        (folder / "status.json").write_text(json.dumps(status))
        if state == "finished":
            best = min(val)
            metrics = {"train/loss": best / 2, "val/loss": best, "test/loss": best * 2}
            (folder / "metrics.json").write_text(json.dumps(metrics))
        command = {"command": ["/home/me/python", "train.py", f"seed={config['seed']}"]}
        (folder / "provenance.json").write_text(json.dumps(command))
        return folder

    return write


@pytest.fixture
def make_run(write_run: MakeRun, tmp_path: Path) -> MakeRun:
    """Write a run of that name below the test's own folder."""
    return lambda name, val, **more: write_run(tmp_path / "runs" / name, val, **more)
