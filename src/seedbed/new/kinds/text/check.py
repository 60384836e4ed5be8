"""The study NAME learns, and its net cannot see the future."""

from pathlib import Path

import torch

import seedbed
from seedbed.new.kinds.text.net import Net


def test_net_learns_the_text(tmp_path: Path) -> None:
    words = ["experiment=NAME", "max_epochs=2", "optimizer.lr=0.01"]
    run = seedbed.run([*words, f"hydra.run.dir={tmp_path / 'run'}"])
    assert run.metrics["test/loss"] < 1.8  # 2.6 is that of an even guess


def test_net_cannot_see_the_future() -> None:
    net = Net(vocabulary_size=9, context=6, width=8).eval()
    tokens = torch.randint(9, (1, 6))
    changed = tokens.clone()
    changed[:, 3:] = (changed[:, 3:] + 1) % 9
    torch.testing.assert_close(net(tokens)[:, :3], net(changed)[:, :3])
