"""Whole batches, in an order that is a function of the seed and the epoch alone.

One indexing call makes a batch, which for data in memory costs a fraction of a DataLoader's
sample-by-sample collation, and needs no worker processes. The loader knows which batch comes next
and can be set back there, so an interrupted epoch resumes at the batch it lost. Trade-off:
what cannot be indexed so, from memory or a mapped file, needs a loader of its own.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from lightning import Trainer
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from seedbed.errors import SettingError

Batch = Any


class Indices(Protocol):
    """An epoch's indices; a Tensor (size, …), or what makes one of some of them."""

    def __getitem__(self, items: slice, /) -> Tensor:
        """Those of some items (B, …)."""
        ...


Order = Callable[[torch.Generator], Indices]


class KeepsPlace:
    """What can be set back to the batch that comes next, of its epoch."""

    _epoch = -1
    _batch = 0
    _restored = False

    def state_dict(self) -> dict[str, int]:
        """The place of the next batch."""
        return {"epoch": self._epoch, "batch": self._batch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Let the next iteration go on from a saved place."""
        epoch, batch = state["epoch"], state["batch"]
        if not (type(epoch) is type(batch) is int and min(epoch, batch) >= -1):
            raise ValueError(f"expected the number of an epoch and of a batch, got {state}")
        self._epoch, self._batch = epoch, batch
        self._restored = self._epoch >= 0  # a state saved before the first batch has no epoch yet


class Loader(KeepsPlace):
    """An iterable over batches that can save and restore its place.

    Args:
        fetch: Makes a batch from the indices of its items, whole numbers (batch size, …).
        order: Draws an epoch's indices, (size, …), from a generator; the same size each time.
        size: Number of items an epoch.
        batch_size: Items a batch, of all processes together; the last one may differ.
        seed: Fixes the order of every epoch.
        drop_last: Leave out a last batch that is not full.
        rank: This process's number; each takes one in `processes` items of each batch.
        processes: How many share the batches, of each of which every process gets an item or more.

    Raises:
        SettingError: If there are fewer items than processes.
    """

    def __init__(
        self,
        fetch: Callable[[Tensor], Batch],
        order: Order,
        *,
        size: int,
        batch_size: int,
        seed: int = 0,
        drop_last: bool = False,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        if min(size, batch_size) < processes:
            raise SettingError(
                f"trainer.devices={processes}: there are {size} items, in batches of {batch_size}; "
                f"expected {processes} or more of both, one for each process."
            )
        self._fetch = fetch
        self._order = order
        self._size = size
        self._batch_size = batch_size
        self._seed = seed
        self._drop_last = drop_last
        self._rank = rank
        self._processes = processes

    def __len__(self) -> int:
        full, rest = divmod(self._size, self._batch_size)
        # A rest too small for each process to get an item joins the last full batch.
        too_small = full > 0 and rest < self._processes
        return full if self._drop_last or too_small else full + bool(rest)

    def __iter__(self) -> Iterator[Batch]:
        if not self._restored or self._batch >= len(self):
            self._epoch += 1
            self._batch = 0
        self._restored = False
        generator = torch.Generator().manual_seed(mix(self._seed, self._epoch))
        indices = self._order(generator)
        for number in range(self._batch, len(self)):
            last = number + 1 == len(self) and not self._drop_last
            start, end = number * self._batch_size, (number + 1) * self._batch_size
            shared = indices[start : None if last else end]
            self._batch = number + 1
            yield self._fetch(shared[self._rank :: self._processes])


def overfitted(trainer: Trainer | None) -> int:
    """How many batches a Trainer is to overfit; Lightning itself would take others each epoch."""
    return int(getattr(trainer, "overfit_batches", 0))


def first_batches(loader: Loader, count: int) -> Loader:
    """The first batches of a loader's first epoch, in every epoch: what is overfitted."""
    batches = list(islice(loader, count))
    order = in_order(len(batches))
    return Loader(lambda index: batches[int(index)], order, size=len(batches), batch_size=1)


def mix(seed: int, epoch: int) -> int:
    """Two small numbers to one seed, so that neighbouring seeds do not share epochs."""
    return (seed * 1_000_003 + epoch) % 2**63


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from a seed, on the processor, and leave all random states as they were.

    A GPU's are neither read nor set: a worker cannot, and a fit draws on from them.
    """
    with isolate_rng(include_cuda=False):
        torch.default_generator.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        yield


def in_order(size: int) -> Order:
    """Every item once, first to last."""
    return lambda _: torch.arange(size)


def shuffled(size: int) -> Order:
    """Every item once, in a new random order each epoch."""
    return lambda generator: torch.randperm(size, generator=generator)
