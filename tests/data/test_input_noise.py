from typing import Any

import pytest
import torch
from lightning import Trainer

from seedbed.data.points import Line
from seedbed.data.rows import Rows
from seedbed.errors import SettingError


class In(Trainer):
    """A Trainer that says it is in one of its stages."""

    def __init__(self, stage: str) -> None:
        super().__init__(accelerator="cpu", logger=False, enable_checkpointing=False)
        setattr(self, stage, True)


def given(stage: str, **settings: Any) -> tuple[Rows, Rows]:
    """A batch, and what the net gets of it in this stage."""
    data = Line(points=20_000, **settings)
    data.trainer = In(stage)
    batch = data.splits.train
    return batch, data.on_after_batch_transfer(batch, 0)


def test_training_inputs_get_noise_of_the_stated_deviation_and_no_bias() -> None:
    torch.manual_seed(0)
    (inputs, targets), (noisy, same) = given("training", input_noise=0.3)
    noise = noisy - inputs
    assert float(noise.std()) == pytest.approx(0.3, abs=4 * 0.3 / (2 * 20_000) ** 0.5)
    assert float(noise.mean()) == pytest.approx(0.0, abs=4 * 0.3 / 20_000**0.5)
    assert torch.equal(same, targets)


def test_noise_is_drawn_anew_for_each_batch() -> None:
    data = Line(input_noise=0.3)
    data.trainer = In("training")
    first, second = (data.on_after_batch_transfer(data.splits.train, 0) for _ in range(2))
    assert not torch.equal(first[0], second[0])


def test_noise_leaves_the_data_itself_alone() -> None:
    data = Line(input_noise=0.3)
    data.trainer = In("training")
    before = data.splits.train[0].clone()
    data.on_after_batch_transfer(data.splits.train, 0)
    assert torch.equal(data.splits.train[0], before)


@pytest.mark.parametrize("stage", ["validating", "testing", "predicting"])
def test_nothing_but_training_gets_noise(stage: str) -> None:
    (inputs, _), (seen, _) = given(stage, input_noise=0.3)
    assert torch.equal(seen, inputs)


def test_training_gets_none_where_none_is_set() -> None:
    (inputs, _), (seen, _) = given("training")
    assert torch.equal(seen, inputs)


def test_negative_noise_is_refused() -> None:
    with pytest.raises(SettingError, match="input_noise=-1: expected 0 or more"):
        Line(input_noise=-1)
