"""What TensorBoard shows beside curves: weights and gradients, precision and recall, the net.

Histograms and precision-recall curves are written at those validations that `diagnostics` looks at;
the net's graph and, where a task has any, vectors to walk among, at the end of the fit; pictures of
what the net has learnt so far only if asked for, as each takes as long as hundreds of steps.
"""

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from seedbed.callbacks.diagnostics import is_look
from seedbed.tasks.base import net_of
from seedbed.tasks.binary import BinaryTask
from seedbed.tensorboard import add_vectors, boards

BINS = 64
"""By default there are some 1,500, which take longer than the look needs."""


class Board(Callback):
    """Writes to TensorBoard, where a run has it.

    Args:
        thorough: Whether each validation is looked at, and pictures are drawn at some.
    """

    draw: Callable[[], None] | None = None
    """Draws the pictures."""

    def __init__(self, *, thorough: bool = False) -> None:
        self.thorough = thorough
        self._count = 0
        self._last = -1

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write histograms and curves, before the task forgets the validation's predictions."""
        if trainer.sanity_checking:
            return
        self._count += 1
        if not (self.thorough or is_look(self._count - 1)):
            return
        if isinstance(pl_module, BinaryTask):
            logits, targets = (column.flatten() for column in pl_module.gathered("val"))
            for board in _boards(trainer):
                chances = logits.sigmoid()
                board.add_pr_curve("precision_recall/val", targets, chances, trainer.global_step)
        self._histograms(trainer, pl_module)
        if self.thorough and self.draw and is_look(self._count - 1):
            self.draw()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the net's graph and vectors as they are at the end."""
        if self._last != trainer.global_step:
            self._histograms(trainer, pl_module)
        data = getattr(trainer, "datamodule", None)
        vectors = getattr(pl_module, "embeddings", None)
        if vectors and trainer.is_global_zero:
            name, values, labels = vectors(data)
            add_vectors(trainer, name, values.detach().float().cpu(), labels)
        for board in _boards(trainer):
            with suppress(Exception), warnings.catch_warnings():  # not every net can be traced
                warnings.simplefilter("ignore")
                _add_graph(board, pl_module, data)

    def _histograms(self, trainer: Trainer, module: LightningModule) -> None:
        step = self._last = trainer.global_step
        for board in _boards(trainer):
            for name, parameter in net_of(module).named_parameters():
                # One huge value has no range to divide.
                with suppress(ValueError):
                    values = parameter.detach().float()
                    board.add_histogram(f"weights/{name}", values, step, bins=BINS)
                    if parameter.grad is not None:
                        gradient = parameter.grad.float()
                        board.add_histogram(f"gradients/{name}", gradient, step, bins=BINS)


def _boards(trainer: Trainer) -> list[Any]:
    return [*boards(trainer)] if trainer.is_global_zero else []


def _add_graph(board: Any, module: LightningModule, data: Any) -> None:
    """Trace the net over one example of the validation part."""
    net = net_of(module)
    inputs, _ = next(iter(data.val_dataloader()))
    training = net.training
    net.eval()
    try:
        with torch.no_grad():
            example = inputs[:1].to(module.device)
            # Traced here, as TensorBoard would: to check a trace, torch imports SymPy, for 0.6 s.
            traced = torch.jit.trace(net, example, check_trace=False)  # type: ignore[no-untyped-call]
            board.add_graph(traced, example)
    finally:
        net.train(training)
