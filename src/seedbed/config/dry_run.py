"""Every part of a run constructed once, without data and for nothing, to hear what it refuses.

A constructor states the range of its arguments once, by raising, so that is where it is asked. The
net is laid out on torch's `meta` device, where its size costs nothing. What needs the data is left
to the build: whether a net suits its sizes, and whether initial weights suit the net. So are the
loggers, which may begin to write.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import SGD

from seedbed.config.build import (
    build_data,
    build_optimizer,
    build_scheduler,
    build_trainer,
    construct,
    construct_in,
    sized,
)
from seedbed.config.self_contained import is_self_contained
from seedbed.config.targets import resolve
from seedbed.errors import SettingError

STAND_INS = (1, 64)
"""Sizes in place of the data's, which are not known yet; a net need only take one of them."""

STEPS = 1000
"""In place of the length of the fit."""

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
            part()
        except SettingError as error:
            yield str(error)


def _training(config: Mapping[str, Any]) -> list[Callable[[], Any]]:
    """Net, task, optimizer and schedule; or the one module that brings them all."""
    if is_self_contained(config):
        return [partial(_on_meta, config["task"], "task")]
    with torch.random.fork_rng(devices=()):  # a check draws no random numbers from a run's
        net = nn.Linear(1, 1)
    return [
        partial(_try_net, config),
        partial(construct, config["task"], "task", net=net, optimizer=None, scheduler=None),
        partial(build_optimizer, config, net),
        partial(build_scheduler, config, SGD(net.parameters(), lr=1.0), STEPS),
    ]


def _on_meta(node: Mapping[str, Any], kind: str) -> None:
    """Lay out a module where its size costs nothing; what it cannot compute there is let pass."""
    with suppress(ArithmeticError, AssertionError, RuntimeError, TypeError), torch.device("meta"):
        construct(node, kind)


def _try_net(config: Mapping[str, Any]) -> None:
    """Lay out the net for one size after the other, until it takes one."""
    names = getattr(resolve(config["data"]["_target_"], "data"), "provided_sizes", ())
    refused: list[SettingError] = []
    for size in STAND_INS:
        try:
            _on_meta(sized(config["net"], dict.fromkeys(names, size)), "net")
            return
        except SettingError as error:
            refused.append(error)
    raise refused[0]
