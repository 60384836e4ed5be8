"""The bare loop does what the Trainer does, so that only the Trainer is timed beside it."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.fits import bare_loop, fit_beside
from seedbed.build import build
from seedbed.compose import composed, plain

LINE = ("experiment=line", "data.batch_size=25")


def loss_of(net: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return F.mse_loss(net(batch[0]), batch[1])


def test_bare_loop_has_the_losses_of_the_trainers_fit(tmp_path: Path) -> None:
    study = build(plain(composed([*LINE, "max_epochs=1"])), tmp_path)
    study.trainer.fit(study.task, datamodule=study.datamodule)
    mean = bare_loop(loss_of, *LINE, steps=4)()  # an epoch has 4 batches
    assert mean == pytest.approx(float(study.trainer.callback_metrics["train/loss"]))


def test_other_work_is_done_before_each_block_of_a_fits_steps() -> None:
    done: list[int] = []
    pairs = fit_beside(lambda: done.append(1), *LINE, every=5, pairs=3)
    assert len(pairs) == 3
    assert len(done) == 5  # with the block that both get ready in, and the end of the last
