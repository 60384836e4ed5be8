"""The study NAME learns, and predicts for new rows."""

from pathlib import Path

import seedbed


def test_net_learns_the_rents(tmp_path: Path) -> None:
    place = f"hydra.run.dir={tmp_path / 'run'}"
    run = seedbed.run(["experiment=NAME", "optimizer.lr=0.01", place])
    assert run.metrics["test/r2"] > 0.8


def test_new_rows_get_as_many_inputs_as_those_it_learnt_from(tmp_path: Path) -> None:
    place = f"hydra.run.dir={tmp_path / 'run'}"
    run = seedbed.run(["experiment=NAME", "max_epochs=1", place])
    (tmp_path / "new.csv").write_text("size,rooms,district\n50,2,north\n")
    inputs = run.datamodule.read_inputs(tmp_path / "new.csv").inputs
    assert inputs.shape == (1, run.datamodule.sizes["inputs"])
