from itertools import pairwise
from typing import Any

import pytest
import torch

from seedbed.data.loader import Loader, in_order, shuffled
from seedbed.errors import SettingError

Epoch = list[list[int]]


def make_loader(size: int = 10, **options: Any) -> Loader:
    """Make a loader of 0, 1, 2, …; a batch is the list of them."""
    return Loader(torch.Tensor.tolist, shuffled(size), size=size, **{"batch_size": 4, **options})


def epochs(loader: Loader, count: int) -> list[Epoch]:
    return [list(loader) for _ in range(count)]


def items(epoch: Epoch) -> list[int]:
    return [item for batch in epoch for item in batch]


# --- order ----------------------------------------------------------------------------------------


def test_every_item_comes_exactly_once_an_epoch() -> None:
    for epoch in epochs(make_loader(), 5):
        assert sorted(items(epoch)) == list(range(10))


def test_batches_in_order_are_slices() -> None:
    loader = Loader(torch.Tensor.tolist, in_order(5), size=5, batch_size=2)
    assert epochs(loader, 2) == [[[0, 1], [2, 3], [4]]] * 2


def test_same_seed_gives_the_same_epochs() -> None:
    assert epochs(make_loader(seed=3), 3) == epochs(make_loader(seed=3), 3)


def test_another_seed_gives_another_order() -> None:
    assert list(make_loader(seed=3)) != list(make_loader(seed=4))


def test_consecutive_epochs_differ() -> None:
    assert all(one != next_one for one, next_one in pairwise(epochs(make_loader(), 5)))


def test_neighbouring_seeds_share_no_epochs() -> None:
    one, other = (epochs(make_loader(20, seed=seed), 5) for seed in (0, 1))
    assert not [epoch for epoch in one if epoch in other]


def test_an_abandoned_epoch_does_not_change_the_next() -> None:
    whole, abandoned = make_loader(), make_loader()
    list(whole)
    next(iter(abandoned))
    assert list(abandoned) == list(whole)


def test_global_generator_does_not_matter() -> None:
    torch.manual_seed(1)
    first = list(make_loader())
    torch.manual_seed(2)
    assert list(make_loader()) == first


def test_drawing_batches_does_not_advance_the_global_generator() -> None:
    before = torch.get_rng_state()
    epochs(make_loader(), 2)
    assert torch.equal(torch.get_rng_state(), before)


# --- sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "drop_last", "lengths"),
    [
        (8, False, [4, 4]),
        (10, False, [4, 4, 2]),
        (3, False, [3]),
        (8, True, [4, 4]),
        (10, True, [4, 4]),
        (3, True, []),
    ],
)
def test_last_batch_holds_the_rest_or_is_dropped(
    size: int, drop_last: bool, lengths: list[int]
) -> None:
    loader = make_loader(size, drop_last=drop_last)
    assert [len(batch) for batch in loader] == lengths
    assert len(loader) == len(lengths)


def test_items_that_are_dropped_change_from_epoch_to_epoch() -> None:
    kept = [frozenset(items(epoch)) for epoch in epochs(make_loader(drop_last=True), 10)]
    assert len(set(kept)) > 1


# --- resuming -------------------------------------------------------------------------------------


def flattened(loader: Loader) -> Epoch:
    return [batch for epoch in epochs(loader, 4) for batch in epoch]


@pytest.mark.parametrize("done", [1, 2, 4, 5])  # of three batches an epoch
def test_restored_loader_goes_on_with_the_very_next_batch(done: int) -> None:
    loader, restored = make_loader(), make_loader()
    drawn = (batch for _ in range(2) for batch in loader)
    for _ in range(done):
        next(drawn)
    restored.load_state_dict(loader.state_dict())
    assert flattened(restored)[:7] == flattened(make_loader())[done : done + 7]


def test_state_saved_after_the_last_batch_goes_on_with_the_next_epoch() -> None:
    loader = make_loader()
    for _ in loader:  # saved at the last batch, before the loop over the epoch has ended
        state = loader.state_dict()
    restored = make_loader()
    restored.load_state_dict(state)
    assert list(restored) == epochs(make_loader(), 2)[1]


def test_state_saved_before_the_first_batch_starts_the_first_epoch() -> None:
    restored = make_loader()
    restored.load_state_dict(make_loader().state_dict())
    assert list(restored) == list(make_loader())


def test_restored_state_is_saved_unchanged() -> None:
    loader, restored = make_loader(), make_loader()
    next(iter(loader))
    restored.load_state_dict(loader.state_dict())
    assert restored.state_dict() == loader.state_dict()


# --- several processes ----------------------------------------------------------------------------


def shares(size: int, processes: int = 2, **options: Any) -> list[Epoch]:
    return [
        list(make_loader(size, processes=processes, rank=rank, **options))
        for rank in range(processes)
    ]


def test_two_processes_share_the_single_processs_batches() -> None:
    first, second = shares(16, batch_size=8)
    for one, other, both in zip(first, second, make_loader(16, batch_size=8), strict=True):
        assert set(one).isdisjoint(other)
        assert sorted(one + other) == sorted(both)


@pytest.mark.parametrize("size", [13, 14, 16, 17, 18, 23])
@pytest.mark.parametrize("processes", [2, 3])
def test_processes_take_every_item_once_together(size: int, processes: int) -> None:
    together = [item for epoch in shares(size, processes) for item in items(epoch)]
    assert sorted(together) == list(range(size))


@pytest.mark.parametrize("size", [13, 14, 16, 17, 18, 23])
@pytest.mark.parametrize("processes", [2, 3])
def test_no_process_gets_an_empty_batch_or_fewer_batches(size: int, processes: int) -> None:
    epochs = shares(size, processes)
    assert all(batch for epoch in epochs for batch in epoch)
    assert len({len(epoch) for epoch in epochs}) == 1


@pytest.mark.parametrize(("size", "batch_size"), [(1, 4), (9, 1)])
def test_each_process_must_get_an_item_of_each_batch(size: int, batch_size: int) -> None:
    with pytest.raises(SettingError, match=r"^trainer\.devices=2: there are "):
        shares(size, batch_size=batch_size)


def test_two_processes_drop_the_same_rest() -> None:
    assert [[len(batch) for batch in epoch] for epoch in shares(11, drop_last=True)] == [[2, 2]] * 2
