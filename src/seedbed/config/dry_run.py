"""Every part of a run constructed once, without data and at no cost, to see what it refuses.

A constructor states the range of its arguments once, by raising, so that is where it is asked. The
net is laid out on torch's `meta` device, where its size costs nothing. What needs the data is left
to the build: whether a net suits its sizes, and whether initial weights suit the net. So are the
loggers, which may begin to write.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from seedbed.config.build import (
    build_data,
    build_task,
    build_trainer,
    construct,
    construct_in,
    fine_tune,
    sized,
)
from seedbed.config.self_contained import is_self_contained
from seedbed.config.targets import resolve
from seedbed.config.trials import try_optimizer, try_scheduler
from seedbed.errors import SettingError, memory
from seedbed.processes.distributed import apart

STAND_INS = (1, 64)
"""Sizes in place of the data's, which are not known yet; a net need only take one of them."""

UNANSWERABLE = (ArithmeticError, AssertionError, RuntimeError, TypeError)
"""What a module raises that computes while it is made, which it cannot on `meta`."""

WEIGHT_AND_GRADIENT = 8
"""Bytes of each in single precision."""

MOST_PARAMETERS = 10_000
"""Tensors of weights that a net may have: a setting of more is a slip of the hand."""

NOWHERE = Path("nowhere")
"""In place of the run's directory, in which no constructor writes."""


def refusals(config: Mapping[str, Any]) -> Iterator[str]:
    """Say what each part's constructor has against its values.

    Args:
        config: A configuration of which every name and every type is right.
    """
    parts: list[Callable[[], Any]] = [
        partial(build_data, config),
        *_training(config),
        *(
            partial(construct_in, NOWHERE, node, "callbacks")
            for node in config["callbacks"].values()
            if node
        ),
        partial(build_trainer, config, NOWHERE, callbacks=[], logger=False),
    ]
    for part in parts:
        try:
            with apart():  # an optimizer may ask the others at its step
                part()
        except SettingError as error:
            yield str(error)


def _training(config: Mapping[str, Any]) -> list[Callable[[], Any]]:
    """Net, task, optimizer and schedule; or the one module that brings them all."""
    if is_self_contained(config):
        return [partial(_on_meta, config)]
    with torch.random.fork_rng(devices=()):  # a check draws no random numbers from a run's
        net = nn.Linear(1, 1)
    return [
        partial(_try_net, config),
        partial(construct, config["task"], "task", net=net, optimizer=None, scheduler=None),
        partial(try_optimizer, config, net),
        partial(try_scheduler, config, net),
    ]


def _on_meta(config: Mapping[str, Any]) -> None:
    """Lay out a module where its size costs nothing; what it cannot compute there is skipped."""
    with suppress(*UNANSWERABLE), torch.device("meta"), _bounded():
        build_task(config, {})


def _try_net(config: Mapping[str, Any]) -> None:
    """Lay out the net for one size after the other, until it takes one.

    Raises:
        SettingError: If its constructor refuses a value, or it is larger than the machine.
    """
    names = getattr(resolve(config["data"]["_target_"], "data"), "provided_sizes", ())
    refused: list[SettingError] = []
    for size in STAND_INS:
        try:
            with suppress(*UNANSWERABLE), torch.device("meta"), _bounded():
                fine_tune(
                    config, construct(sized(config["net"], dict.fromkeys(names, size)), "net")
                )
            return
        except _TooLargeError:
            raise
        except SettingError as error:
            refused.append(error)
    raise refused[0]


class _TooLargeError(SettingError):
    """A net is too large, whatever the sizes of its data."""


@contextmanager
def _bounded() -> Iterator[None]:
    """Stop as soon as a net that is laid out has more parameters than the machine can hold."""
    room, count, numbers = memory(), 0, 0

    def note(_: nn.Module, __: str, parameter: nn.Parameter | None) -> None:
        nonlocal count, numbers
        count, numbers = count + 1, numbers + (0 if parameter is None else parameter.numel())
        if numbers * WEIGHT_AND_GRADIENT > room:
            raise _TooLargeError(
                f"net: has {numbers:,} weights or more, which with their gradients do not fit "
                f"into this machine's {room / 2**30:,.0f} GiB."
            )
        if count > MOST_PARAMETERS:
            raise _TooLargeError(f"net: has more than {MOST_PARAMETERS:,} layers; choose fewer.")

    hook = register_module_parameter_registration_hook(note)
    try:
        yield
    finally:
        hook.remove()
