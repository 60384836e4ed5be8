"""Ordinary DataLoaders that can be resumed within an epoch.

The order of the samples and the workers' seeds become a function of seed and epoch, and what was
seen is skipped in the order, not loaded. Trade-off: an epoch's order is drawn at once and held, a
Python list of indices.

A sample that is drawn at random, as by an augmentation, is the same after a resumption where it is
drawn in the run's own process; in workers it is where the dataset is `SeededBySample`.
"""

import math
import multiprocessing
import os
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import connection
from threading import Thread
from typing import Any

import torch
from lightning import LightningDataModule, LightningModule
from lightning.pytorch.utilities import CombinedLoader
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch.utils.data import DataLoader, Dataset, IterableDataset

from seedbed.data.loader import KeepsPlace, mix, seeded
from seedbed.processes.distributed import rank, size
from seedbed.terminal import log


class SeededBySample(Dataset[Any]):
    """A dataset each of whose samples is drawn from a seed of its own, by epoch and index.

    Args:
        dataset: The dataset, whose samples may be random.
        seed: The run's seed.
    """

    def __init__(self, dataset: Any, *, seed: int = 0) -> None:
        self.dataset = dataset
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        with seeded(mix(mix(self.seed, self.epoch), index)):
            return self.dataset[index]


class ResumableLoader(KeepsPlace):
    """The batches of a map-style DataLoader, in an order that depends on seed and epoch alone.

    Args:
        loader: The DataLoader; each of several processes takes its share of the samples.
        seed: The run's seed.
    """

    def __init__(self, loader: DataLoader[Any], *, seed: int) -> None:
        self.loader = loader
        self.seed = seed

    def __getattr__(self, name: str) -> Any:
        """Whatever else is asked of a DataLoader."""
        if name == "loader":  # while a copy is made
            raise AttributeError(name)
        return getattr(self.loader, name)

    def __len__(self) -> int:
        return math.ceil(len(self.loader) / size())

    def __iter__(self) -> Iterator[Any]:
        if not self._restored or self._batch >= len(self):
            self._epoch += 1
            self._batch = 0
        self._restored = False
        seed = mix(self.seed, self._epoch)
        if isinstance(self.loader.dataset, SeededBySample):
            self.loader.dataset.epoch = self._epoch
        elif self._batch and self.loader.num_workers:
            log.info(
                "resuming within an epoch: where workers draw samples at random, as by an "
                "augmentation, they draw others; seedbed.data.resumable.SeededBySample keeps them"
            )
        for batch in self._from(self._order(seed)[self._batch :], seed):
            self._batch += 1
            yield batch

    def _order(self, seed: int) -> list[Any]:
        """This process's batches of an epoch, as lists of indices."""
        with seeded(seed):
            for sampler in (self.loader.sampler, self.loader.batch_sampler):
                if isinstance(generator := getattr(sampler, "generator", None), torch.Generator):
                    generator.manual_seed(seed)
            batches = [*(self.loader.batch_sampler or self.loader.sampler)]
        if size() > 1:  # as many for each: the first ones once more
            batches += batches[: -len(batches) % size()]
        return batches[rank() :: size()]

    def _from(self, batches: list[Any], seed: int) -> Iterator[Any]:
        """Load these batches as the DataLoader does."""
        whole = self.loader
        settings: dict[str, Any] = {
            name: getattr(whole, name)
            for name in ("dataset", "num_workers", "collate_fn", "pin_memory", "timeout")
        }
        if whole.num_workers:
            names = ("multiprocessing_context", "prefetch_factor")
            settings |= {name: getattr(whole, name) for name in names}
            settings["worker_init_fn"] = _ending(whole.worker_init_fn)
        if whole.batch_sampler is None:
            settings |= {"sampler": batches, "batch_size": None}
        else:
            settings |= {"batch_sampler": batches}
        generator = torch.Generator().manual_seed(seed + self._batch)
        yield from DataLoader(**settings, generator=generator)


HOOKS = ("setup", "train_dataloader", "val_dataloader", "test_dataloader", "predict_dataloader")
"""Where a DataModule or a module may draw data, or divide it."""


def seed_hooks(owner: Any, *, seed: int) -> None:
    """Have what a DataModule or a module draws in its hooks be the same in each process and stage.

    Otherwise an evaluation, a resumption and each of several processes would have other data. The
    workers of their loaders end with the run.
    """
    base = LightningDataModule if isinstance(owner, LightningDataModule) else LightningModule
    for number, name in enumerate(HOOKS, 1):
        if is_overridden(name, owner, base):
            # Each has numbers of its own, which are no epoch's either.
            reloaded = owner if name == "train_dataloader" else None
            call = partial(_call_seeded, getattr(owner, name), mix(seed, -number), reloaded)
            setattr(owner, name, call)


def _call_seeded(
    hook: Callable[..., Any], seed: int, reloaded: Any, *arguments: Any, **named: Any
) -> Any:
    with seeded(mix(seed, _reloads(reloaded))):
        given = hook(*arguments, **named)
    for loader in CombinedLoader(given).flattened:
        if isinstance(loader, DataLoader) and loader.num_workers:
            loader.worker_init_fn = _ending(loader.worker_init_fn)
    return given


def _reloads(owner: Any) -> int:
    """How often a fit has had the training loaders of a DataModule or a module made anew."""
    try:
        trainer = owner and owner.trainer
    except RuntimeError:  # a module that no Trainer has yet
        return 0
    every = getattr(trainer, "reload_dataloaders_every_n_epochs", 0)
    return int(trainer.current_epoch // every) if every else 0


def make_resumable(datamodule: LightningDataModule, module: LightningModule, *, seed: int) -> None:
    """Have the training loaders of a DataModule, or else of a module, keep their place."""
    owner: Any = datamodule
    if not is_overridden("train_dataloader", datamodule, LightningDataModule):
        owner = module
    owner.train_dataloader = partial(_call_resumable, owner.train_dataloader, seed)


def _call_resumable(hook: Callable[[], Any], seed: int) -> Any:
    return _resumable(hook(), seed)


def _resumable(loaders: Any, seed: int) -> Any:
    """A loader, or several by names or in a list, each of which keeps its place if it can."""
    if isinstance(loaders, CombinedLoader):
        loaders.flattened = [_resumable(loader, seed) for loader in loaders.flattened]
        return loaders
    if isinstance(loaders, dict):
        return {name: _resumable(loader, seed) for name, loader in loaders.items()}
    if isinstance(loaders, list | tuple):
        return type(loaders)(_resumable(loader, seed) for loader in loaders)
    if not isinstance(loaders, DataLoader) or hasattr(loaders, "state_dict"):
        return loaders  # it keeps its own place, or cannot keep any
    if isinstance(loaders.dataset, IterableDataset):
        return loaders
    return ResumableLoader(loaders, seed=seed)


def _ending(given: Callable[[int], None] | None) -> Callable[[int], None]:
    """What a worker begins with, so that it ends with its run; once for each loader."""
    if isinstance(given, partial) and given.func is _start_worker:
        return given
    return partial(_start_worker, given)


def _start_worker(given: Callable[[int], None] | None, number: int) -> None:
    """Start a worker that ends when its run does.

    Torch's own workers ask whether their parent is another process now, which a server that forks
    them (Python 3.14's way) never is, so they would outlive a run that is killed.
    """
    if run := multiprocessing.parent_process():
        Thread(target=_end_with, args=(run.sentinel,), daemon=True).start()
    if given:
        given(number)


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
