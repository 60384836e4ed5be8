"""What TensorBoard shows beside curves: weights and gradients, precision and recall, the net.

Histograms and precision-recall curves are written at those validations that `diagnostics` looks at;
the net's graph and, where a task has any, vectors to walk among, at the end of the fit. Pictures of
what the net has learnt so far take as long as hundreds of steps, so they are drawn at a validation
where all of them together stay a small share of the fit's time: in one of an hour, every few
minutes; in one of a minute, at its end alone.
"""

import math
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightning.pytorch.loggers as lightnings
import torch
from lightning import Callback, LightningModule, Trainer

from seedbed.config.build import Study
from seedbed.lightning_private import steps_done
from seedbed.looks.diagnostics import is_look
from seedbed.looks.page import run_in, show
from seedbed.tasks.base import net_of
from seedbed.tasks.binary import BinaryTask
from seedbed.tensorboard import boards

FIRST = 2.0
"""Seconds that a drawing is taken to need before there was one."""

BINS = 64
"""By default there are some 1,500, which take longer than the look needs."""


class Board(Callback):
    """Writes to TensorBoard, where a run has it.

    Args:
        directory: The run's directory.
        thorough: Whether each validation is looked at, and pictures are drawn at those of
            `diagnostics`, whatever time they take.
        drawing: The share of the fit's time that pictures may take before its end.
    """

    def __init__(self, *, directory: str, thorough: bool = False, drawing: float = 0.005) -> None:
        if not 0 <= drawing <= 1:
            raise ValueError(f"drawing={drawing}: expected a share, 0 to 1")
        self.directory = Path(directory)
        self.thorough = thorough
        self.drawing = drawing
        self._count = 0
        self._last = -1
        self._began = math.inf
        self._drawn, self._next = 0.0, FIRST  # seconds, of all drawings and of the next

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have the time that pictures may take counted from here."""
        self._began = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what the net has learnt so far, if it is time."""
        if trainer.is_global_zero and self._is_time() and not trainer.sanity_checking:
            started = time.monotonic()
            self.draw(trainer, pl_module)
            self._next = time.monotonic() - started
            self._drawn += self._next

    def draw(self, trainer: Trainer, module: LightningModule) -> None:
        """Draw the pictures of a run that goes on."""
        data: Any = getattr(trainer, "datamodule", None)
        study = Study(data, module, getattr(trainer, "callbacks", []), trainer)
        if run := run_in(self.directory):
            show(run, run.config(), study, ended=False)

    def _is_time(self) -> bool:
        if self.thorough:
            return is_look(self._count - 1)
        return self._drawn + self._next <= self.drawing * (time.monotonic() - self._began)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write histograms and curves, before the task forgets the validation's predictions."""
        if trainer.sanity_checking:
            return
        self._count += 1
        if not (self.thorough or is_look(self._count - 1)):
            return
        if isinstance(pl_module, BinaryTask):
            logits, targets = (column.flatten() for column in pl_module.kept_predictions("val"))
            for board in _boards(trainer):
                chances = logits.sigmoid()
                board.add_pr_curve("precision_recall/val", targets, chances, steps_done(trainer))
        self._histograms(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the net's graph and vectors as they are at the end."""
        if self._last != steps_done(trainer):
            self._histograms(trainer, pl_module)
        data = getattr(trainer, "datamodule", None)
        vectors = getattr(pl_module, "embeddings", None)
        if vectors and trainer.is_global_zero:
            name, values, labels = vectors(data)
            _add_vectors(trainer, name, values.detach().float().cpu(), labels)
        for board in _boards(trainer):
            with suppress(Exception), warnings.catch_warnings():  # not every net can be traced
                warnings.simplefilter("ignore")
                _add_graph(board, pl_module, data)

    def _histograms(self, trainer: Trainer, module: LightningModule) -> None:
        step = self._last = steps_done(trainer)
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


def _add_vectors(trainer: Trainer, name: str, vectors: Any, labels: list[str]) -> None:
    """Show vectors (N, C), and what each is of, in TensorBoard's projector if the run has one."""
    import numpy as np

    for logger in trainer.loggers:
        if not isinstance(logger, lightnings.TensorBoardLogger):
            continue
        folder = Path(logger.log_dir)
        np.savetxt(folder / f"{name}.tsv", vectors, fmt="%.4g", delimiter="\t")
        shown = "".join(f"{repr(one)[1:-1] if one.isspace() else one}\n" for one in labels)
        (folder / f"{name}.labels.tsv").write_text(shown.replace("\0", "END"), encoding="utf-8")
        (folder / "projector_config.pbtxt").write_text(
            f'embeddings {{\n  tensor_name: "{name}"\n  tensor_path: "{name}.tsv"\n'
            f'  metadata_path: "{name}.labels.tsv"\n}}\n'
        )


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
