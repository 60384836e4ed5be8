import numpy as np
import pytest

from studies.exam.plane import Plane, draw, height
from studies.exam.ruled import csv_text


def test_shipped_file_is_what_the_rule_gives() -> None:
    assert Plane.file.read_text(encoding="utf-8") == csv_text(draw())


def test_rule_is_the_documented_one() -> None:
    inputs = np.array([np.zeros(8), [1, 1, 1, 1, 9, 9, 9, 9], [2, 0, 0, 0, 0, 0, 0, 0]])
    assert height(inputs).tolist() == [4, 4 + 3 - 2 + 1 + 0.5, 10]


def test_best_loss_is_the_mean_square_of_what_the_rule_leaves() -> None:
    features = {f"x{k}": np.zeros(2) for k in range(1, 9)}
    assert Plane().best_loss(features, np.array([5.0, 2.0])) == (1 + 4) / 2


def test_noise_has_a_deviation_of_one_and_nothing_to_do_with_the_inputs() -> None:
    *inputs, y = draw().values()
    x = np.stack(inputs, axis=1)
    noise = y - height(x)
    # Four standard errors of a mean, a variance and a covariance over 1,000 rows.
    assert abs(noise.mean()) < 4 * 1000**-0.5
    assert abs(noise.var() - 1) < 4 * (2 / 1000) ** 0.5
    assert (abs(x.T @ noise / 1000) < 4 * 1000**-0.5).all()


def test_parts_are_70_10_and_20_per_cent_of_eight_inputs() -> None:
    plane = Plane()
    parts = plane.splits.train, plane.splits.val, plane.splits.test
    assert [tuple(inputs.shape) for inputs, _ in parts] == [(700, 8), (100, 8), (200, 8)]
    assert plane.sizes == {"inputs": 8, "outputs": 1}


def test_parts_share_no_row() -> None:
    splits = Plane().splits
    parts = (splits.train, splits.val, splits.test)
    rows = [tuple(row) for inputs, _ in parts for row in inputs.tolist()]
    assert len(set(rows)) == 1000


def test_record_has_the_best_loss_of_its_own_validation_part() -> None:
    plane = Plane()
    inputs, targets = (column.double().numpy() for column in plane.splits.val)
    mean, deviation = np.array([*plane.splits.scale.values()]).T  # (8 columns,) each
    expected = ((targets[:, 0] - height(inputs * deviation + mean)) ** 2).mean()
    assert plane.facts["best_loss_val"] == pytest.approx(expected, abs=1e-4)
