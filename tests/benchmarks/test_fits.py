"""The bare loop does what the Trainer does, so that only the Trainer is timed beside it."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from made import settings
from torch import nn
from torch.nn import functional as F

from benchmarks.fits import as_recorded, bare_loop, fit_beside, of_seeds
from seedbed.config.build import build
from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute

LINE = ("experiment=dots", "data.batch_size=25")


def loss_of(net: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return F.mse_loss(net(batch[0]), batch[1])


def test_bare_loop_has_the_losses_of_the_trainers_fit(tmp_path: Path) -> None:
    study = build(settings(*LINE, "max_epochs=1"), tmp_path)
    study.trainer.fit(study.task, datamodule=study.datamodule)
    mean = bare_loop(loss_of, *LINE, steps=4)()  # an epoch has 4 batches
    assert mean == pytest.approx(float(study.trainer.callback_metrics["train/loss"]))


def test_other_work_is_done_before_each_block_of_a_fits_steps() -> None:
    done: list[int] = []
    pairs = fit_beside(lambda: done.append(1), *LINE, every=5, pairs=3)
    assert len(pairs) == 3
    assert len(done) == 5  # with the block that both get ready in, and the end of the last


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the line with seed 3."""
    place = tmp_path_factory.mktemp("runs") / "line"
    execute(RunDirectory.create(place, settings(*LINE, "max_epochs=1", "seed=3")).path)
    return place


def test_recorded_run_stands_for_the_same_command(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNS", str(recorded))
    [found] = of_seeds([3], *LINE, "max_epochs=1")
    assert found.seconds == found.run.seconds
    assert found.circumstances
    assert found.circumstances["threads"] == torch.get_num_threads()
    monkeypatch.setenv("RUNS", f"{recorded} {recorded}")
    with pytest.raises(SystemExit, match="expected one directory a seed, 1 at the most"):
        [*of_seeds([3], *LINE, "max_epochs=1")]


def test_recorded_run_of_another_command_is_refused(recorded: Path) -> None:
    with pytest.raises(SystemExit, match=r"max_epochs, trainer\.max_epochs differ"):
        as_recorded(recorded, *LINE, "max_epochs=2", "seed=3")


def test_recorded_run_that_was_resumed_is_refused(recorded: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(recorded, copy)
    record = json.loads((copy / "provenance.json").read_text())
    (copy / "provenance.json").write_text(json.dumps(record | {"resumed": [{}]}))
    with pytest.raises(SystemExit, match="finished without being resumed"):
        as_recorded(copy, *LINE, "max_epochs=1", "seed=3")
