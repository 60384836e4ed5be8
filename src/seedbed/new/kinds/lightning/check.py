"""The study NAME learns."""

from pathlib import Path

import seedbed


def test_module_learns(tmp_path: Path) -> None:
    place = f"hydra.run.dir={tmp_path / 'run'}"
    run = seedbed.run(["experiment=NAME", place])
    assert run.metrics["val_loss"] < 0.05  # the variance of the targets is 0.5
