"""The study NAME learns, and its net takes any size of image."""

from pathlib import Path

import torch

import seedbed
from seedbed.new.kinds.images.net import Net


def test_net_learns_to_separate_the_classes(tmp_path: Path) -> None:
    place = f"hydra.run.dir={tmp_path / 'run'}"
    run = seedbed.run(["experiment=NAME", "optimizer.lr=0.01", place])
    assert run.metrics["test/accuracy"] > 0.9


def test_net_takes_images_of_any_size() -> None:
    assert Net(channels=3, outputs=5, width=4)(torch.rand(2, 3, 20, 30)).shape == (2, 5)
