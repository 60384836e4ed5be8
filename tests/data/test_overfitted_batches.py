"""`trainer.overfit_batches`: the same training batches in every epoch, and for validation."""

from typing import Any

import pytest
import torch
from lightning import Trainer
from stubs.data import Glyphs, Rhymes

from seedbed.data.loader import Loader, first_batches, shuffled


def trainer(batches: int) -> Trainer:
    return Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, overfit_batches=batches
    )


@pytest.fixture(params=[Glyphs, Rhymes], ids=["rows", "tokens"])
def data(request: pytest.FixtureRequest) -> Any:
    settings = {"poems": 60, "context": 16} if request.param is Rhymes else {}
    return request.param(batch_size=4, **settings)


def test_batches_are_the_loaders_first_ones_in_every_epoch() -> None:
    def loader() -> Loader:
        return Loader(lambda indices: indices, shuffled(10), size=10, batch_size=3, seed=1)

    expected = [batch.tolist() for batch in loader()][:2]
    few = first_batches(loader(), 2)
    for _ in range(2):
        assert [batch.tolist() for batch in few] == expected


@pytest.mark.parametrize("count", [1, 3])
def test_epochs_and_validation_have_the_same_batches(count: int, data: Any) -> None:
    data.trainer = trainer(count)
    training, validation = data.train_dataloader(), data.val_dataloader()
    epochs = [torch.cat([inputs for inputs, _ in training]) for _ in range(2)]
    seen = torch.cat([inputs for inputs, _ in validation])
    assert len(training) == len(validation) == count
    assert torch.equal(epochs[0], epochs[1])
    assert torch.equal(seen, epochs[0])


def test_test_part_stays_whole(data: Any) -> None:
    usual = len(data.test_dataloader())
    data.trainer = trainer(1)
    assert len(data.test_dataloader()) == usual


def test_validation_has_its_own_part_where_nothing_is_overfitted(data: Any) -> None:
    data.trainer = trainer(0)
    (held_out, _), (trained, _) = (
        next(iter(loader)) for loader in (data.val_dataloader(), data.train_dataloader())
    )
    assert not torch.equal(held_out, trained)
