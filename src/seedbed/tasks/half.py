"""Half precision of a task's net alone: what is measured and reported is not rounded."""

from typing import Any

from lightning.pytorch.plugins import HalfPrecision
from torch import nn

from seedbed.tasks.base import Task


class HalfNet(HalfPrecision):
    """Has a net compute in half precision, and leaves targets, losses and metrics as they are.

    Lightning's own rounds the targets as well, to two or three digits. A module that brings its own
    training is given what Lightning gives it. A part of a net whose class has
    `in_single_precision` stays so, as the head that gives a language model's likelihoods; inputs do
    for one whose class has `takes_single_precision`.
    """

    _is_task = False
    _keeps_inputs = False

    def convert_module(self, module: nn.Module) -> nn.Module:
        """Convert the net."""
        self._is_task = isinstance(module, Task)
        if not isinstance(module, Task):
            return super().convert_module(module)
        kept = [
            (weight, weight.data)  # which a conversion there and back would round
            for part in module.net.modules()
            if getattr(part, "in_single_precision", False)
            for weight in part.parameters()
        ]
        self._keeps_inputs = any(
            getattr(part, "takes_single_precision", False) for part in module.net.modules()
        )
        super().convert_module(module.net)
        for weight, values in kept:
            weight.data = values
        return module

    def convert_input(self, data: Any) -> Any:
        """Convert a batch's inputs."""
        if self._keeps_inputs:
            return data
        if self._is_task and isinstance(data, tuple | list) and len(data) == 2:
            inputs, targets = data
            return super().convert_input(inputs), targets
        return super().convert_input(data)
