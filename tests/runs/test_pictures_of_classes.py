"""Pictures of classifiers, held against scikit-learn and the run's own files."""

import csv
import re
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from sklearn import calibration
from sklearn import metrics as reference

from seedbed.record.directory import RunDirectory
from seedbed.report.images import first_filters
from seedbed.report.picture import Picture, pictures_of
from seedbed.runs.load import load
from seedbed.runs.view import open_view

Pictures = dict[str, Picture]


def drawn(run: RunDirectory) -> Pictures:
    return {picture.name: picture for picture in pictures_of(open_view(run.path))}


@pytest.fixture(scope="module")
def of_exam(exam: RunDirectory) -> Pictures:
    return drawn(exam)


@pytest.fixture(scope="module")
def of_digits(digits: RunDirectory) -> Pictures:
    return drawn(digits)


def validation(run: RunDirectory) -> tuple[Any, np.ndarray, np.ndarray]:
    """The inputs, the classes, and the probabilities of each class."""
    opened = load(run.path)
    inputs, targets = opened.datamodule.splits.val
    with torch.no_grad():
        logits = opened.net(inputs)
    second = logits.sigmoid()
    both = torch.cat([1 - second, second], 1) if logits.shape[1] == 1 else logits.softmax(1)
    return inputs, targets.flatten().long().numpy(), both.numpy()


def curve(axes: Axes, label: str) -> np.ndarray:
    [found] = [one for one in axes.lines if str(one.get_label()).startswith(label)]
    return np.asarray(found.get_xydata())


def test_pictures_of_two_classes_and_of_images(of_exam: Pictures, of_digits: Pictures) -> None:
    assert [*of_exam] == ["training", "layers", "line", "surface", "ranking", "confusion"]
    assert [*of_digits] == [
        "training",
        "layers",
        "line",
        "confusion",
        "classes",
        "worst",
        "filters",
    ]


# --- ranking and calibration ----------------------------------------------------------------------


def test_roc_and_its_area_are_scikit_learns(exam: RunDirectory, of_exam: Pictures) -> None:
    _, classes, chances = validation(exam)
    roc = of_exam["ranking"].figure.axes[0]
    area = reference.roc_auc_score(classes, chances[:, 1])
    shown = curve(roc, f"area {area:.3f}")
    false, true, _ = reference.roc_curve(classes, chances[:, 1], drop_intermediate=False)
    assert shown == pytest.approx(np.stack([false, true], axis=1))


def test_precision_and_recall_are_scikit_learns(exam: RunDirectory, of_exam: Pictures) -> None:
    _, classes, chances = validation(exam)
    average = reference.average_precision_score(classes, chances[:, 1])
    shown = curve(of_exam["ranking"].figure.axes[1], f"average {average:.3f}")
    precision, recall, _ = reference.precision_recall_curve(classes, chances[:, 1])
    assert shown[::-1] == pytest.approx(np.stack([recall, precision], axis=1)[-len(shown) - 1 : -1])


def test_calibration_is_scikit_learns(exam: RunDirectory, of_exam: Pictures) -> None:
    _, classes, chances = validation(exam)
    seen, said = calibration.calibration_curve(classes, chances[:, 1], n_bins=10)
    shown = curve(of_exam["ranking"].figure.axes[2], "error")
    assert shown == pytest.approx(np.stack([said, seen], axis=1))


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("accuracy", reference.accuracy_score),
        ("precision", reference.precision_score),
        ("recall", reference.recall_score),
        ("F1", reference.f1_score),
    ],
)
def test_measures_over_the_threshold_are_scikit_learns(
    exam: RunDirectory, of_exam: Pictures, name: str, measure: Any
) -> None:
    _, classes, chances = validation(exam)
    shown = curve(of_exam["ranking"].figure.axes[3], name)
    for threshold, value in shown[:: len(shown) // 7]:
        taken = chances[:, 1] >= np.float32(threshold)
        assert value == pytest.approx(measure(classes, taken))


# --- the decision surface -------------------------------------------------------------------------


def test_surface_has_every_point_of_validation_by_its_class(
    exam: RunDirectory, of_exam: Pictures
) -> None:
    inputs, classes, _ = validation(exam)
    axes = of_exam["surface"].figure.axes[0]
    scale = load(exam.path).datamodule.splits.scale
    means, units = np.array([*scale.values()]).T
    for number in (0, 1):
        expected = means + units * inputs.numpy()[classes == number]
        assert curve(axes, str(number)) == pytest.approx(expected, abs=1e-5)
    assert (axes.get_xlabel(), axes.get_ylabel()) == tuple(scale)


def test_surface_says_how_many_points_are_on_their_own_side(
    exam: RunDirectory, of_exam: Pictures
) -> None:
    accuracy = exam.metrics()["val/accuracy"]
    assert f"{accuracy:.1%} of them" in of_exam["surface"].alt


def test_rule_that_made_the_data_is_the_dashed_line(exam: RunDirectory, of_exam: Pictures) -> None:
    axes = of_exam["surface"].figure.axes[0]
    assert curve(axes, "of the rule itself").size == 0  # a key to the contour
    view = open_view(exam.path)
    # Eight hours of sleep and four of study give even odds.
    means, units = np.array([*view.datamodule.splits.scale.values()]).T
    even = torch.tensor((np.array([[4.0, 8.0]]) - means) / units)
    truth = view.truth(even)
    assert truth is not None
    assert float(truth) == pytest.approx(0.5)


# --- confusion ------------------------------------------------------------------------------------


def shown_counts(axes: Axes, size: int) -> np.ndarray:
    table = np.zeros((size, size), int)
    for cell in axes.texts:
        column, row = cell.get_position()
        table[int(row), int(column)] = int(cell.get_text())
    return table


def test_confusion_is_counted_on_validation(digits: RunDirectory, of_digits: Pictures) -> None:
    _, classes, chances = validation(digits)
    expected = reference.confusion_matrix(classes, chances.argmax(1), labels=range(10))
    axes = of_digits["confusion"].figure.axes[0]
    assert axes.get_title(loc="left") == "validation"
    assert (shown_counts(axes, 10) == expected).all()


def test_confusion_of_the_test_part_says_that_it_was_opened(
    digits: RunDirectory, of_digits: Pictures
) -> None:
    with (digits.path / "confusion.csv").open() as file:
        rows = [[int(cell) for cell in row[1:]] for row in [*csv.reader(file)][1:]]
    axes = of_digits["confusion"].figure.axes[1]
    assert axes.get_title(loc="left") == "test part, opened once"
    assert (shown_counts(axes, 10) == np.array(rows)).all()


def test_each_class_has_its_area_against_the_others(
    digits: RunDirectory, of_digits: Pictures
) -> None:
    _, classes, chances = validation(digits)
    axes = of_digits["classes"].figure.axes[0]
    areas = dict(re.split(": ", str(line.get_label())) for line in axes.lines)
    assert len(areas) == 10
    for label, area in areas.items():
        number = int(label)
        expected = reference.roc_auc_score(classes == number, chances[:, number])
        assert float(area) == pytest.approx(expected, abs=1e-4)


# --- images ---------------------------------------------------------------------------------------


def test_worst_errors_are_those_least_sure_of_the_truth(
    digits: RunDirectory, of_digits: Pictures
) -> None:
    _, classes, chances = validation(digits)
    own = chances[np.arange(len(classes)), classes]
    [axes] = of_digits["worst"].figure.axes
    assert len(axes.texts) == len(axes.images) == 18
    for words, row in zip(axes.texts, own.argsort(), strict=False):
        true, *taken = words.get_text().split("\n")
        assert true == f"{classes[row]}: {own[row]:.1%}"
        right = chances[row].argmax() == classes[row]
        assert taken == ([] if right else [f"{chances[row].argmax()}: {chances[row].max():.1%}"])


def test_filters_are_the_first_layers_weights_on_their_own_scale(
    digits: RunDirectory, of_digits: Pictures
) -> None:
    net = load(digits.path).net
    weights = next(iter(net.parameters())).detach()
    largest = int(weights.norm(dim=1).argmax())
    [image] = of_digits["filters"].figure.axes[0].images
    filtered = (weights[largest] / weights[largest].abs().max()).view(8, 8).numpy()
    shown = np.ma.getdata(image.get_array())
    assert shown[:8, :8] == pytest.approx(filtered)


def test_filters_of_a_convolution_come_first_and_of_other_nets_none() -> None:
    convolution = torch.nn.Conv2d(1, 4, 3)
    net = torch.nn.Sequential(convolution, torch.nn.Flatten(), torch.nn.Linear(144, 2))
    found = first_filters(net, [1, 8, 8])
    assert found is not None
    assert torch.equal(found, convolution.weight)
    assert first_filters(torch.nn.Linear(3, 1), [1, 8, 8]) is None
