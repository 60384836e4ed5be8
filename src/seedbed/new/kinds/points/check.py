"""The study NAME learns, and its parts do not overlap."""

from pathlib import Path

import seedbed
from seedbed.new.kinds.points.data import Points


def test_net_learns_the_curve(tmp_path: Path) -> None:
    place = f"hydra.run.dir={tmp_path / 'run'}"
    run = seedbed.run(["experiment=NAME", "optimizer.lr=0.01", place])
    assert run.metrics["test/loss"] < 0.1  # the variance of the targets is 0.5


def test_no_point_is_in_two_parts() -> None:
    splits = Points(points=50).load()
    rows = [row.item() for part in (splits.train, splits.val, splits.test) for row in part[0]]
    assert len(rows) == len({*rows}) == 50
