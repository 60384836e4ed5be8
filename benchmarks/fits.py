"""Fits of shipped experiments: as commands of their own, or here, alternating with other work."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor, nn

from benchmarks.results import Result, circumstances
from benchmarks.timing import Pair, python, say
from seedbed.config.build import build, build_data, build_optimizer, build_scheduler, build_task
from seedbed.config.compose import composed, plain
from seedbed.record.directory import RunDirectory
from seedbed.record.files import flat
from seedbed.record.run import Run, read_run
from seedbed.record.schema import KEY

HORIZON = "schedule_steps=1000"
"""So that two fits of other lengths have the same rates: with tiny weights a step takes longer."""

LossOf = Callable[[nn.Module, Any], Tensor]
"""The loss of a net on a batch."""


@dataclass(frozen=True)
class Trained:
    """A run of a whole command."""

    seconds: float
    run: Run
    circumstances: Result | None = None
    """Those of one that was trained before."""


def trained(*overrides: str, **environment: str) -> Trained:
    """Run `python train.py OVERRIDES` from start to end; its directory is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "run"
        seconds = python("train.py", *overrides, f"hydra.run.dir={place}", **environment)()
        return Trained(seconds, read_run(place))


def of_seeds(seeds: Sequence[int], *overrides: str) -> Iterator[Trained]:
    """A run of a whole command for each seed.

    Those in the directories that the variable RUNS names, one for each of the first seeds, are
    taken for it and none is trained; their time is from when they were set out, imports left out.
    """
    recorded = os.environ.get("RUNS", "").split()
    if len(recorded) > len(seeds):
        sys.exit(f"RUNS: expected one directory a seed, {len(seeds)} at the most.")
    if recorded:
        for path, seed in zip(recorded, seeds, strict=False):
            yield as_recorded(Path(path), *overrides, f"seed={seed}")
    else:
        for seed in seeds:
            yield trained(*overrides, f"seed={seed}")


def as_recorded(path: Path, *overrides: str) -> Trained:
    """A run that was trained before, in one go and with just these settings.

    Raises:
        SystemExit: If it is another.
    """
    run, record = read_run(path), RunDirectory(path).provenance()
    if not run.finished or run.seconds is None:
        sys.exit(f"{path}: expected a run that finished without being resumed.")
    wanted = dict(flat(plain(composed([*overrides]))))
    names = {*wanted, *run.config} - {KEY}
    other = {name for name in names if run.config.get(name) != wanted.get(name)}
    if other:
        sys.exit(f"{path}: expected {' '.join(overrides)}; {', '.join(sorted(other))} differ.")
    return Trained(run.seconds, run, circumstances(record))


class Beside(Callback):
    """Does other work after every so many steps of a fit, and times both.

    Args:
        work: What is done in between.
        every: How many steps of the fit are one half of a pair.
    """

    def __init__(self, work: Callable[[], object], *, every: int) -> None:
        self.every = every
        self.pairs: list[Pair] = []
        self._work = work
        self._before = 0.0
        self._began = 0.0

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """End one pair and begin the next."""
        if trainer.global_step % self.every:
            return
        now = time.perf_counter()
        if self._began:
            self.pairs.append((now - self._began, self._before))
            ours, other = self.pairs[-1]
            say(f"{self.every} steps: {ours:.3f} and {other:.3f} s, ratio {ours / other:.3f}")
        self._work()
        self._began = time.perf_counter()
        self._before = self._began - now


def fit_beside(work: Callable[[], object], *overrides: str, every: int, pairs: int) -> list[Pair]:
    """Fit an experiment, alternating with other work; validations are not timed.

    Returns:
        Seconds of `every` steps of the fit, and of the work; the first pair, in which both get
        ready, is left out.
    """
    steps = every * (pairs + 1) + 1
    lengths = (f"max_steps={steps}", "max_epochs=-1", "+trainer.limit_val_batches=1")
    seldom = ("check_val_every_n_epoch=1000", "val_check_interval=1.0")
    config = plain(composed([*overrides, *lengths, *seldom, HORIZON]))
    beside = Beside(work, every=every)
    with tempfile.TemporaryDirectory() as folder:
        study = build(config, Path(folder))
        vars(study.trainer)["callbacks"].insert(0, beside)
        study.trainer.fit(study.task, datamodule=study.datamodule)
    return beside.pairs[1:]


def bare_loop(loss_of: LossOf, *overrides: str, steps: int) -> Callable[[], float]:
    """A plain PyTorch loop of so many steps on what the experiment's fit has, and nothing more.

    The same batches, net, optimizer and schedule; it sums up the loss, as such loops do.
    """
    config = plain(composed([*overrides, HORIZON]))
    datamodule = build_data(config)
    datamodule.setup()
    seed_everything(config["seed"], verbose=False)
    task = build_task(config, datamodule.sizes)
    task.configure_from_data(datamodule)
    net = task.net
    optimizer = build_optimizer(config, net)
    schedule = build_scheduler(config, optimizer, config["schedule_steps"])
    loader = datamodule.train_dataloader()
    mixed = config["trainer"]["precision"] == "bf16-mixed"

    def endless() -> Iterator[Any]:
        while True:
            yield from loader

    batches = endless()

    def loop() -> float:
        net.train()
        total = 0.0
        for batch in islice(batches, steps):
            with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                loss = loss_of(net, batch)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.item()
        return total / steps

    return loop
