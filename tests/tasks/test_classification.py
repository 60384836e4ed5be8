"""Both kinds of classifier, against scikit-learn."""

from math import isnan
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD

from seedbed.errors import TrainingError
from seedbed.optim.schedules import Constant
from seedbed.tasks.binary import BinaryTask
from seedbed.tasks.classification import MEASURES
from seedbed.tasks.multiclass import MulticlassTask

Kind = type[BinaryTask] | type[MulticlassTask]

N, K = 60, 4
SIZES = [[60], [25, 32, 3], [1] * 60]
"""How the rows come in batches."""


def new_task(
    kind: Kind, net: nn.Module | None = None, **settings: Any
) -> BinaryTask | MulticlassTask:
    net = net or nn.Identity()
    return kind(net, optimizer=lambda net: SGD(net.parameters()), scheduler=Constant, **settings)


def evaluated(kind: Kind, logits: Tensor, targets: Tensor, *sizes: int) -> dict[str, float]:
    """Figures of predictions that come in batches of these sizes."""
    task = new_task(kind)
    metrics: Any = task.metrics["val"]
    sizes = sizes or (len(logits),)
    for batch in zip(logits.split(sizes), targets.split(sizes), strict=True):
        task.validation_step(batch)
    return {name: figure.item() for name, figure in task.compute_metrics(metrics).items()}


def binary_rows() -> tuple[Tensor, Tensor]:
    """Logits that know something of the targets, both (N, 1); some are between 0 and 1."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(2, (N, 1), generator=generator).float()
    return torch.randn(N, 1, generator=generator) + targets - 0.3, targets


def multiclass_rows() -> tuple[Tensor, Tensor]:
    """Logits (N, K) that know something of the targets (N,); class 3 is rare."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.tensor([5.0, 4.0, 3.0, 0.6])
    targets = torch.multinomial(weights, N, replacement=True, generator=generator)
    return torch.randn(N, K, generator=generator) + F.one_hot(targets, K), targets


def macro_specificity(targets: np.ndarray, predicted: np.ndarray) -> float:
    """Of each class against the rest, specificity is the recall of the rest."""
    recalls = [
        reference.recall_score(targets != k, predicted != k, zero_division=0) for k in range(K)
    ]
    return float(np.mean(recalls))


@pytest.mark.parametrize("sizes", SIZES, ids=len)
def test_binary_figures_equal_scikit_learns(sizes: list[int]) -> None:
    logits, targets = binary_rows()
    y, p = targets[:, 0].numpy(), logits[:, 0].double().sigmoid().numpy()
    predicted = p > 0.5
    assert evaluated(BinaryTask, logits, targets, *sizes) == pytest.approx(
        {
            "loss": reference.log_loss(y, p),
            "accuracy": reference.accuracy_score(y, predicted),
            "precision": reference.precision_score(y, predicted),
            "recall": reference.recall_score(y, predicted),
            "specificity": reference.recall_score(1 - y, ~predicted),
            "f1": reference.f1_score(y, predicted),
            "auroc": reference.roc_auc_score(y, p),
            "average_precision": reference.average_precision_score(y, p),
            "brier": reference.brier_score_loss(y, p),
        },
        rel=1e-5,
    )


@pytest.mark.parametrize("sizes", SIZES, ids=len)
def test_multiclass_figures_equal_scikit_learns(sizes: list[int]) -> None:
    logits, targets = multiclass_rows()
    y, p = targets.numpy(), logits.double().softmax(dim=1).numpy()
    predicted = p.argmax(axis=1)
    assert evaluated(MulticlassTask, logits, targets, *sizes) == pytest.approx(
        {
            "loss": reference.log_loss(y, p),
            "accuracy": reference.accuracy_score(y, predicted),
            "precision": reference.precision_score(y, predicted, average="macro"),
            "recall": reference.recall_score(y, predicted, average="macro"),
            "specificity": macro_specificity(y, predicted),
            "f1": reference.f1_score(y, predicted, average="macro"),
            "auroc": reference.roc_auc_score(y, p, multi_class="ovr", average="macro"),
            "average_precision": reference.average_precision_score(y, p, average="macro"),
            "brier": reference.brier_score_loss(y, p, scale_by_half=False),
        },
        rel=1e-5,
    )


@pytest.mark.parametrize("kind", [BinaryTask, MulticlassTask])
def test_figures_are_those_the_task_says_it_measures(kind: Kind) -> None:
    logits, targets = binary_rows() if kind is BinaryTask else multiclass_rows()
    assert tuple(evaluated(kind, logits, targets)) == kind.metric_names == MEASURES


def test_brier_score_of_two_classes_is_twice_the_binary_one() -> None:
    logits, targets = binary_rows()
    pairs = torch.cat([torch.zeros_like(logits), logits], dim=1)  # same probabilities
    twice = evaluated(MulticlassTask, pairs, targets[:, 0].long())["brier"]
    assert twice == pytest.approx(2 * evaluated(BinaryTask, logits, targets)["brier"])


def test_logits_between_0_and_1_are_not_taken_for_probabilities() -> None:
    logits, targets = torch.tensor([[0.2], [0.4]]), torch.tensor([[0.0], [1.0]])
    assert evaluated(BinaryTask, logits, targets)["recall"] == 1  # at odds of e^0.4 to 1


def test_class_that_does_not_occur_has_no_part_in_one_vs_rest() -> None:
    logits, targets = multiclass_rows()
    kept = targets < 3
    logits, targets = logits[kept], targets[kept]
    p = logits.double().softmax(dim=1).numpy()
    of_each = [reference.roc_auc_score(targets.numpy() == k, p[:, k]) for k in range(3)]
    figures = evaluated(MulticlassTask, logits, targets)
    assert figures["auroc"] == pytest.approx(np.mean(of_each), rel=1e-5)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_ranking_of_one_class_alone_is_not_a_number(target: float) -> None:
    logits, _ = binary_rows()
    figures = evaluated(BinaryTask, logits, torch.full((N, 1), target))
    assert [name for name in figures if isnan(figures[name])] == ["auroc", "average_precision"]


@pytest.mark.parametrize("kind", [BinaryTask, MulticlassTask])
def test_one_nan_makes_the_whole_loss_nan(kind: Kind) -> None:
    logits, targets = binary_rows() if kind is BinaryTask else multiclass_rows()
    logits[7] = torch.nan
    assert isnan(evaluated(kind, logits, targets)["loss"])


def test_binary_training_loss_is_that_of_the_batch() -> None:
    inputs, (_, targets) = torch.randn(N, 3), binary_rows()
    net = nn.Linear(3, 1)
    step = new_task(BinaryTask, net).step((inputs, targets))
    probabilities = net(inputs).sigmoid()
    torch.testing.assert_close(step.loss, F.binary_cross_entropy(probabilities, targets))
    assert step.count == N


def test_multiclass_training_loss_is_that_of_the_batch() -> None:
    inputs, (_, targets) = torch.randn(N, 3), multiclass_rows()
    net = nn.Linear(3, K)
    step = new_task(MulticlassTask, net).step((inputs, targets))
    probabilities = net(inputs).softmax(dim=1)
    torch.testing.assert_close(step.loss, F.nll_loss(probabilities.log(), targets))
    assert step.count == N


def test_smoothed_targets_are_what_is_minimised_and_the_plain_loss_is_what_is_logged() -> None:
    logits, targets = multiclass_rows()
    task = new_task(MulticlassTask, label_smoothing=0.2)
    weights = 0.8 * F.one_hot(targets, K) + 0.2 / K
    expected = -(weights * logits.log_softmax(dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(task.training_step((logits, targets)), expected)
    plain = F.cross_entropy(logits, targets)
    saved: dict[str, Any] = {}
    task.on_save_checkpoint(saved)
    [logged] = saved["running"]
    assert logged["sums"]["loss"] / logged["examples"] == pytest.approx(plain.item())
    assert expected > plain + 0.01


def test_smoothed_targets_are_shared_by_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, targets = multiclass_rows()
    task = new_task(MulticlassTask, label_smoothing=0.2)
    whole = task.training_step((logits, targets))
    monkeypatch.setattr("seedbed.tasks.base.size", lambda: 2)
    monkeypatch.setattr(
        "seedbed.tasks.base.all_reduce_sum", lambda count: torch.full_like(count, N)
    )
    shares = [
        task.training_step(share)
        for share in zip(logits.split([25, 35]), targets.split([25, 35]), strict=True)
    ]
    torch.testing.assert_close(torch.stack(shares).mean(), whole)


def test_objective_that_is_not_finite_stops_the_fit() -> None:
    logits, targets = multiclass_rows()
    logits[0, (targets[0] + 1) % K] = -torch.inf  # nothing to the plain loss
    task = new_task(MulticlassTask, label_smoothing=0.2)
    assert task.step((logits, targets)).loss.isfinite()
    with pytest.raises(TrainingError, match="The training loss is inf at step 1"):
        task.training_step((logits, targets))


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_label_smoothing_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=f"label_smoothing={share}: expected a share"):
        new_task(MulticlassTask, label_smoothing=share)


@pytest.mark.parametrize("kind", [BinaryTask, MulticlassTask])
def test_confusion_matrix_equals_scikit_learns(kind: Kind) -> None:
    logits, targets = binary_rows() if kind is BinaryTask else multiclass_rows()
    task = new_task(kind)
    for batch in zip(logits.split(25), targets.split(25), strict=True):
        task.test_step(batch)
    predicted = logits[:, 0] > 0 if kind is BinaryTask else logits.argmax(dim=1)
    expected = reference.confusion_matrix(targets.flatten(), predicted)
    assert task.confusion().tolist() == expected.tolist()


def test_half_precision_logits_are_measured_in_single_precision() -> None:
    logits, targets = multiclass_rows()
    rounded = logits.bfloat16()
    single = evaluated(MulticlassTask, rounded.float(), targets)
    assert evaluated(MulticlassTask, rounded, targets) == single
