"""What happens inside a net, layer by layer.

By default validations 0, 1, 2, 3, 4, 6, 8, 12, 16 … are looked at, and the figures go to files of
the run; `callbacks=diagnostics` looks at each, and shows them in the dashboards too. A look costs a
copy of the weights over one step, the first after the validation before, and hooks over one batch
of the validation: no hook stands within a step.

    layers.csv    of each layer: `gradient`, the norm of the last step's; `update`, that of one
                  step's change as a share of the weights'; `activation`, the root mean square of
                  its output; of each activation function `constant`, the share of its units that
                  answer every input alike
    classes.csv   of a classifier: the validation's rows by true and by predicted class
"""

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from seedbed.lightning_private import steps_done
from seedbed.loggers import CSVLogger
from seedbed.looks.page import examine, run_in
from seedbed.tasks.base import net_of
from seedbed.tasks.binary import BinaryTask
from seedbed.tasks.multiclass import MulticlassTask

FEWEST = 16
"""Rows needed to decide whether a unit gives one answer to all inputs."""

MOST = 100
"""Classes up to which they are counted."""

PATIENCE = 30.0
"""Seconds between two examinations of a run that goes on."""

PLAIN = re.compile(r"[\w .-]{1,40}")
"""A class's label that can be the name of a column."""


def is_look(number: int) -> bool:
    """Whether the n-th validation is one that is looked at: twice as far apart each second time."""
    while number and number % 2 == 0:
        number //= 2
    return number in (0, 1, 3)


class Diagnostics(Callback):
    """Looks at layers and classes.

    Args:
        directory: The run's directory, whose files are examined while it goes on: after the first
            validation, then now and then.
        thorough: Whether each validation is looked at, and logged by all loggers.
    """

    def __init__(self, *, directory: str, thorough: bool = False) -> None:
        self.directory = Path(directory)
        self.thorough = thorough
        self._reported: set[str] = set()
        self._count = 0
        self._before: dict[str, Tensor] = {}
        self._seen: dict[str, Tensor | float] = {}
        self._stepped = False
        self._hooks: list[Any] = []
        self._examined = time.monotonic()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Keep the weights before the first step since the last validation, if it is time."""
        if not self._stepped and trainer.is_global_zero:
            self._stepped = True
            if self._looks():
                self._before = {name: _flat(layer) for name, layer in layers(net_of(pl_module))}

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Compare them with those after it."""
        if self._before:
            for name, layer in layers(net_of(pl_module)):
                before = self._before[name]
                self._seen[f"update/{name}"] = (_flat(layer) - before).norm() / before.norm()
            self._before = {}

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have the layers' outputs seen."""
        net = net_of(pl_module)
        compiled = any(getattr(one, "_compiled_call_impl", None) for one in net.modules())
        if not self._looks() or trainer.sanity_checking or compiled or not trainer.is_global_zero:
            return
        for name, layer in layers(net):
            self._hooks.append(layer.register_forward_hook(self._keep(f"activation/{name}", _rms)))
        for name, layer in net.named_modules():
            if _is_activation(layer):
                hook = self._keep(f"constant/{name}", _constant)
                self._hooks.append(layer.register_forward_hook(hook))

    def _keep(self, name: str, measure: Any) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.is_floating_point() and output.ndim > 1:
                self._seen.setdefault(name, measure(output))

        return hook

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *arguments: Any
    ) -> None:
        """One batch is enough."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log what was seen, before the task forgets the validation's predictions."""
        if trainer.sanity_checking:
            return
        classes = _classes(trainer, pl_module)
        if self._looks():
            for name, layer in layers(net_of(pl_module)):
                gradients = [p.grad.flatten() for p in _own(layer) if p.grad is not None]
                if gradients:
                    self._seen[f"gradient/{name}"] = torch.cat(gradients).norm()
        seen = {f"layers/{name}": float(value) for name, value in self._seen.items()}
        self._count, self._stepped, self._seen = self._count + 1, False, {}
        for row in (classes, {name: x for name, x in seen.items() if math.isfinite(x)}):
            for logger in trainer.loggers if row else ():
                if isinstance(logger, CSVLogger) or (self.thorough and row is not classes):
                    logger.log_metrics(row, steps_done(trainer))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have the run's files examined, if it is time."""
        waited = time.monotonic() - self._examined >= PATIENCE
        if trainer.is_global_zero and not trainer.sanity_checking and (self._count == 1 or waited):
            self._examined = time.monotonic()
            if run := run_in(self.directory):
                examine(run, self._reported, early=True)

    def _looks(self) -> bool:
        return self.thorough or is_look(self._count)


def layers(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules of a net that have trained weights of their own, by name."""
    for name, module in net.named_modules():
        if _own(module):
            yield name or type(module).__name__, module


def _own(layer: nn.Module) -> list[nn.Parameter]:
    return [p for p in layer.parameters(recurse=False) if p.requires_grad]


def _flat(layer: nn.Module) -> Tensor:
    """A copy of all its weights in a row."""
    return torch.cat([parameter.detach().flatten() for parameter in _own(layer)])


def _is_activation(layer: nn.Module) -> bool:
    return type(layer).__module__ == nn.ReLU.__module__ and not [*layer.parameters()]


def _rms(output: Tensor) -> Tensor:
    return output.detach().float().square().mean().sqrt()


def _constant(output: Tensor) -> Tensor | float:
    """The share of units (channels of images) that have one value for all rows."""
    if len(output) < FEWEST:
        return math.nan
    units = output.detach().movedim(1 if output.ndim == 4 else -1, 0).flatten(1)
    return (units.amax(1) - units.amin(1) <= 1e-6).float().mean()


def _classes(trainer: Trainer, task: LightningModule) -> dict[str, float]:
    """How many of the validation's rows are of each class, and are taken for it."""
    if not isinstance(task, BinaryTask | MulticlassTask):
        return {}
    logits, targets = task.kept_predictions("val")  # from all processes
    predicted = logits.argmax(1) if logits.shape[1] > 1 else logits.flatten() > 0
    number = max(logits.shape[1], 2)
    if number > MOST:
        return {}
    labels = [str(label) for label in getattr(trainer.datamodule, "labels", ())]  # type: ignore[attr-defined]
    if len({*labels}) != number or not all(map(PLAIN.fullmatch, labels)):
        labels = [str(label) for label in range(number)]
    counts = {"true": targets.flatten().long(), "predicted": predicted.long()}
    return {
        f"classes/{of}/{label}": float(count)
        for of, rows in counts.items()
        for label, count in zip(labels, rows.bincount(minlength=number).tolist(), strict=True)
    }
