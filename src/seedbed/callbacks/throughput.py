"""Logs how much is trained a second, validation left out, and the most memory it took."""

import sys
import time
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from seedbed.lightning_private import batches_begun
from seedbed.tasks.base import Task


class Throughput(Callback):
    """Logs `throughput/…_per_second` with each validation, in the unit the task counts in.

    And `memory/peak_mib`: of the accelerator that trains, or else of the process.

    What of a module that counts nothing itself is counted are batches.
    """

    def __init__(self) -> None:
        self._started = 0.0
        self._running = False
        self._seconds = 0.0
        self._already = 0

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start the clock at the first batch after a validation."""
        if not self._running:
            self._running = True
            self._already = _examples(pl_module)
            self._started = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock before anything is validated, once the device has done its work."""
        if pl_module.device.type != "cpu":  # it is handed work ahead of time
            torch.accelerator.synchronize(pl_module.device)
        self._seconds = time.perf_counter() - self._started

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the figure; the module, whose hook comes later, then starts counting anew."""
        if self._running:
            rate = (_examples(pl_module) - self._already) / self._seconds
            name = f"throughput/{unit_of(pl_module)}_per_second"
            pl_module.log(name, rate, sync_dist=True, reduce_fx="sum")  # over processes
            peak = _peak_memory(pl_module.device)
            pl_module.log("memory/peak_mib", peak, sync_dist=True, reduce_fx="max")
            self._running = False


def _peak_memory(device: torch.device) -> float:
    """In MiB, since the start."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "win32":
        return 0.0
    from resource import RUSAGE_SELF, getrusage

    size = getrusage(RUSAGE_SELF).ru_maxrss
    return size / (2**20 if sys.platform == "darwin" else 2**10)


def unit_of(module: LightningModule) -> str:
    """What is counted of a module's training."""
    return module.unit if isinstance(module, Task) else "batches"


def _examples(module: LightningModule) -> int:
    return module.examples if isinstance(module, Task) else batches_begun(module.trainer)
