import math
from typing import Any

import pytest
import torch
from stages import In
from stubs.data import Dots, Rhymes
from torch import Tensor

from seedbed.data.rows import Rows
from seedbed.errors import SettingError


def given(stage: str, **settings: Any) -> tuple[Rows, Rows]:
    """A batch, and what the net gets of it in this stage."""
    data = Dots(points=20_000, **settings)
    data.trainer = In(stage)
    batch = data.splits.train
    return batch, data.on_after_batch_transfer(batch, 0)


# --- rows -----------------------------------------------------------------------------------------


def test_training_inputs_get_noise_of_the_stated_deviation_and_no_bias() -> None:
    torch.manual_seed(0)
    (inputs, targets), (noisy, same) = given("training", input_noise=0.3)
    noise = noisy - inputs
    assert float(noise.std()) == pytest.approx(0.3, abs=4 * 0.3 / (2 * 20_000) ** 0.5)
    assert float(noise.mean()) == pytest.approx(0.0, abs=4 * 0.3 / 20_000**0.5)
    assert torch.equal(same, targets)


def test_noise_is_drawn_anew_for_each_batch() -> None:
    data = Dots(input_noise=0.3)
    data.trainer = In("training")
    first, second = (data.on_after_batch_transfer(data.splits.train, 0) for _ in range(2))
    assert not torch.equal(first[0], second[0])


def test_noise_leaves_the_data_itself_alone() -> None:
    data = Dots(input_noise=0.3)
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


@pytest.mark.parametrize("noise", [-1, math.nan])
def test_negative_noise_is_refused(noise: float) -> None:
    with pytest.raises(SettingError, match=f"input_noise={noise}: expected 0 or more"):
        Dots(input_noise=noise)


# --- characters -----------------------------------------------------------------------------------


def verse(stage: str, share: float) -> tuple[Rhymes, tuple[Tensor, Tensor]]:
    """Data with so much noise, in this stage, and a batch of 16,384 characters of it."""
    data = Rhymes(poems=1000, context=256, batch_size=64, input_noise=share)
    data.trainer = In(stage)
    return data, next(iter(data.train_dataloader()))


def test_the_stated_share_of_training_characters_is_replaced_and_no_target() -> None:
    data, (inputs, targets) = verse("training", 0.3)
    torch.manual_seed(0)
    seen, same = data.on_after_batch_transfer((inputs, targets), 0)
    size = len(data.vocabulary)
    changed = 0.3 * (1 - 1 / size)  # some are replaced by themselves
    deviation = (changed * (1 - changed) / inputs.numel()) ** 0.5
    assert float((seen != inputs).float().mean()) == pytest.approx(changed, abs=4 * deviation)
    assert torch.equal(same, targets)


def test_characters_come_from_the_whole_vocabulary_alike() -> None:
    data, batch = verse("training", 1.0)
    torch.manual_seed(0)
    seen, _ = data.on_after_batch_transfer(batch, 0)
    size = len(data.vocabulary)
    counts = seen.flatten().bincount(minlength=size)
    expected = seen.numel() / size
    assert len(counts) == size
    assert float((counts - expected).abs().max()) < 5 * expected**0.5


def test_other_characters_are_replaced_each_time() -> None:
    data, batch = verse("training", 0.3)
    first, second = (data.on_after_batch_transfer(batch, 0)[0] for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("stage", ["validating", "testing", "predicting"])
def test_no_character_is_replaced_outside_of_training(stage: str) -> None:
    data, batch = verse(stage, 0.3)
    assert torch.equal(data.on_after_batch_transfer(batch, 0)[0], batch[0])


def test_no_random_number_is_drawn_for_text_without_noise() -> None:
    data, batch = verse("training", 0.0)
    before = torch.get_rng_state()
    assert torch.equal(data.on_after_batch_transfer(batch, 0)[0], batch[0])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_noise_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(SettingError, match=rf"input_noise={share}: expected a share, from 0 to 1"):
        Rhymes(input_noise=share)
