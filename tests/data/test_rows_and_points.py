from typing import Any

import numpy as np
import pytest
import torch

from seedbed.data.points import Line
from seedbed.data.rows import Rows


def batches(loader: Any) -> list[Rows]:
    return list(loader)


def equal(one: Rows, other: Rows) -> bool:
    return torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])


def values(rows: Rows) -> set[float]:
    return set(rows[0].flatten().tolist())


# --- points ---------------------------------------------------------------------------------------


def test_training_points_are_the_lessons() -> None:
    random = np.random.RandomState(42)
    x = 5 * random.randn(100)
    y = 2 * x + 1 + random.randn(100)
    inputs, targets = Line().splits.train
    assert inputs.dtype == targets.dtype == torch.float32
    assert inputs.shape == targets.shape == (100, 1)
    np.testing.assert_array_equal(inputs[:, 0].numpy(), x.astype(np.float32))
    np.testing.assert_array_equal(targets[:, 0].numpy(), y.astype(np.float32))


def test_first_points_are_those_known_of_seed_42() -> None:
    # numpy.random.seed(42) is known to begin 0.49671415, -0.1382643, 0.64768854.
    inputs, _ = Line().splits.train
    assert inputs[:3, 0].tolist() == pytest.approx([5 * 0.49671415, 5 * -0.1382643, 5 * 0.64768854])


def test_drawing_points_does_not_touch_the_global_generator() -> None:
    before = np.random.get_state(legacy=False)
    Line().setup()
    np.testing.assert_equal(np.random.get_state(legacy=False), before)


def test_parts_are_disjoint() -> None:
    splits = Line().splits
    train, val, test = map(values, (splits.train, splits.val, splits.test))
    assert (len(train), len(val), len(test)) == (100, 1000, 1000)
    assert not train & val
    assert not train & test
    assert not val & test


@pytest.mark.parametrize("part", ["val", "test"])
def test_held_out_points_follow_the_same_law(part: str) -> None:
    x, y = (column[:, 0].double().numpy() for column in getattr(Line(held_out=10_000).splits, part))
    slope, intercept = np.polyfit(x, y, 1)
    # Four standard errors of least squares: noise 1, inputs of standard deviation 5.
    assert abs(slope - 2) < 4 * 1 / (5 * 100)
    assert abs(intercept - 1) < 4 * 1 / 100


def test_more_training_points_leave_the_other_parts_unchanged() -> None:
    few, many = Line(points=10).splits, Line(points=1000).splits
    assert equal(few.val, many.val)
    assert equal(few.test, many.test)


def test_another_draw_seed_changes_every_part() -> None:
    one, other = Line(draw_seed=42).splits, Line(draw_seed=7).splits
    for part in ("train", "val", "test"):
        assert not equal(getattr(one, part), getattr(other, part))


def test_seed_of_the_order_does_not_change_the_points() -> None:
    assert equal(Line(seed=0).splits.train, Line(seed=1).splits.train)


def test_sizes_are_one_input_and_one_output() -> None:
    data = Line()
    assert data.sizes == {"inputs": 1, "outputs": 1}
    assert tuple(data.sizes) == data.gives


# --- batches of rows ------------------------------------------------------------------------------


def test_full_is_one_batch_of_all_points_in_order() -> None:
    data = Line(batch_size="full")
    [batch] = batches(data.train_dataloader())
    assert equal(batch, data.splits.train)


def test_batch_size_one_gives_each_point_its_own_batch() -> None:
    data = Line(points=7, batch_size=1)
    drawn = batches(data.train_dataloader())
    assert [inputs.shape for inputs, _ in drawn] == [(1, 1)] * 7
    assert {inputs.item() for inputs, _ in drawn} == values(data.splits.train)


def test_inputs_keep_their_targets_when_shuffled() -> None:
    data = Line(batch_size=32)
    expected = dict(zip(*(column[:, 0].tolist() for column in data.splits.train), strict=True))
    for inputs, targets in data.train_dataloader():
        for x, y in zip(inputs[:, 0].tolist(), targets[:, 0].tolist(), strict=True):
            assert expected[x] == y


def test_training_order_depends_on_the_seed_and_the_epoch() -> None:
    loader, again = (Line(batch_size=100, seed=0).train_dataloader() for _ in range(2))
    other = Line(batch_size=100, seed=1).train_dataloader()
    [first], [second], [same], [another] = map(batches, (loader, loader, again, other))
    assert equal(first, same)
    assert not equal(first, second)
    assert not equal(first, another)


@pytest.mark.parametrize("part", ["val", "test"])
def test_held_out_rows_come_in_order(part: str) -> None:
    data = Line(held_out=50, batch_size=20)
    drawn = batches(getattr(data, f"{part}_dataloader")())
    assert [len(inputs) for inputs, _ in drawn] == [20, 20, 10]
    inputs, targets = (torch.cat(columns) for columns in zip(*drawn, strict=True))
    assert equal((inputs, targets), getattr(data.splits, part))
