"""Intervals of a test's figures, against SciPy's bootstrap and against a truth that is known."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor, nn
from torch.optim import SGD

from seedbed.optim.schedules import Constant
from seedbed.tasks import intervals
from seedbed.tasks.binary import BinaryTask
from seedbed.tasks.classification import weighted_measures
from seedbed.tasks.intervals import bootstrap, first_order
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


@pytest.mark.parametrize(("kind", "outputs", "targets"), ROWS)
def test_every_figure_of_a_test_has_an_interval(
    kind: Any, outputs: Tensor, targets: Tensor
) -> None:
    task = kind(nn.Identity(), optimizer=lambda net: SGD(net.parameters()), scheduler=Constant)
    with torch.inference_mode():  # as of a Trainer that is not set otherwise
        task.test_step((outputs.clone(), targets.clone()))
        assert {*task.per_example(task.metrics["test"])} == {*task.metric_names}


NOISY = torch.randn(300, generator=torch.Generator().manual_seed(1)), torch.arange(300) % 3 == 0


def test_interval_of_auroc_is_that_of_drawing_rows_and_ranking_them_anew() -> None:
    scores, positive = (NOISY[0] + NOISY[1]).sigmoid(), NOISY[1].long()
    values = first_order(weighted_measures, scores[:, None], positive)
    found = bootstrap(torch.stack([values["auroc"], values["average_precision"]], dim=1))
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(500):
        rows = generator.integers(300, size=300)
        given = positive[rows].numpy(), scores[rows].numpy()
        drawn.append([roc_auc_score(*given), average_precision_score(*given)])
    assert np.array(found) == pytest.approx(np.quantile(drawn, [0.025, 0.975], axis=0), abs=0.03)


def test_interval_of_r2_covers_the_truth_about_95_times_of_100() -> None:
    """Of y = x + noise, each of variance 1, R² is ½."""
    generator = torch.Generator().manual_seed(0)
    covered = 0
    for _ in range(120):
        x, noise = torch.randn(2, 200, 1, generator=generator)
        task = RegressionTask(
            nn.Identity(), optimizer=lambda net: SGD(net.parameters()), scheduler=Constant
        )
        task.test_step((x, x + noise))
        [low], [high] = bootstrap(task.per_example(task.metrics["test"])["r2"][:, None])
        covered += low <= 0.5 <= high
    assert covered >= 107
