"""Intervals of a test's figures, against SciPy's bootstrap and against a truth that is known."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn
from torch.optim import SGD

from seedbed.optim.schedules import Constant
from seedbed.tasks import intervals
from seedbed.tasks.binary import BinaryTask
from seedbed.tasks.intervals import bootstrap
from seedbed.tasks.multiclass import MulticlassTask
from seedbed.tasks.regression import RegressionTask


def test_interval_is_that_of_scipys_percentile_bootstrap() -> None:
    values = torch.rand(50, generator=torch.Generator().manual_seed(0))
    expected = stats.bootstrap(
        [values.numpy()], np.mean, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    [low], [high] = bootstrap(values[:, None])
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.005)


def test_order_of_the_examples_does_not_matter() -> None:
    values = torch.rand(50, 2, generator=torch.Generator().manual_seed(0))
    assert bootstrap(values) == bootstrap(values.flip(0))


def test_many_examples_give_what_the_draws_would(monkeypatch: pytest.MonkeyPatch) -> None:
    values = torch.rand(2000, 1, generator=torch.Generator().manual_seed(0))
    drawn = bootstrap(values)
    monkeypatch.setattr(intervals, "LARGE", 2000)
    assert np.allclose(bootstrap(values), drawn, atol=2e-3)


def test_interval_covers_the_mean_of_all_examples_about_95_times_of_100() -> None:
    generator = torch.Generator().manual_seed(0)
    samples = torch.randn(100, 400, generator=generator)  # of mean 0
    lows, highs = bootstrap(samples)
    covered = sum(low <= 0 <= high for low, high in zip(lows, highs, strict=True))
    assert covered >= 370


LOGITS = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
ROWS: list[tuple[Any, Tensor, Tensor]] = [
    (BinaryTask, LOGITS[:, :1], (LOGITS[:, 1:2] > 0).float()),
    (MulticlassTask, LOGITS, torch.arange(40) % 3),
    (RegressionTask, LOGITS[:, :1], LOGITS[:, 1:2]),
]


@pytest.mark.parametrize(("kind", "outputs", "targets"), ROWS)
def test_figures_are_the_means_over_the_examples(
    kind: Any, outputs: Tensor, targets: Tensor
) -> None:
    task = kind(nn.Identity(), optimizer=lambda net: SGD(net.parameters()), scheduler=Constant)
    metrics = task.metrics["test"]
    task.test_step((outputs, targets))
    figures = task.compute_metrics(metrics)
    for name, values in task.per_example(metrics).items():
        assert float(values.mean()) == pytest.approx(float(figures[name]), rel=1e-5)
