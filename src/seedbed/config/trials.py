"""A library's optimizer and schedule tried on a tiny net, before a fit relies on them.

Some of them need more than a net's gradients; of others the state is lost, or is nothing that a
checkpoint may hold. Whatever is wrong is then reported in one sentence.
"""

import copy
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from seedbed.config.build import build_optimizer, build_scheduler
from seedbed.errors import SettingError
from seedbed.record.archive import ForeignTypeError, read

STEPS = 1000
"""In place of the length of the fit."""

RELIABLE = (
    *("ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam"),
    *("RMSprop", "Rprop", "SGD"),
)
"""Optimizers of torch that need no such trial at each start; the tests try them."""


def _is_foreign(node: Mapping[str, Any]) -> bool:
    """Whether a node's target is of a library that the frame knows little of."""
    name = str(node["_target_"])
    is_reliable = name.removeprefix("torch.optim.") in RELIABLE
    return name.startswith(("torch.", "pytorch_optimizer.")) and not is_reliable


def try_optimizer(config: Mapping[str, Any], net: nn.Module) -> None:
    """Take a step with a tiny net (1 to 1); with a library's optimizer, go on from its state too.

    Raises:
        SettingError: If the optimizer refuses a value, fails by a combination of them, or saying
            what it cannot do.
    """
    node = config["optimizer"]
    if _is_foreign(node):
        _try_foreign(config)
        return
    optimizer = build_optimizer(config, net)
    if node.get("capturable") and torch.cuda.is_available():  # where it is for
        return
    try:
        with torch.random.fork_rng(devices=()):
            _step(net, optimizer, torch.zeros(1, 1))
    except (AssertionError, RuntimeError, TypeError) as error:
        raise SettingError(f"{node['_target_']}: its first step fails: {error}") from error


def _try_foreign(config: Mapping[str, Any]) -> None:
    """Take steps with a library's optimizer, and go on from its saved state."""
    with _explained(config["optimizer"]):
        net = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2))
        optimizer = build_optimizer(config, net)
        if any("lr" not in group for group in optimizer.param_groups):
            raise ValueError("it has no learning rate, and a schedule and the log need one")
        for _ in range(2):
            _step(net, optimizer, torch.randn(8, 4))
        resumed = copy.deepcopy(net)
        another = build_optimizer(config, resumed)
        another.load_state_dict(_saved(optimizer.state_dict()))
        inputs = torch.randn(8, 4)
        for one, its in ((net, optimizer), (resumed, another)):
            torch.manual_seed(0)  # a fit's random states are restored too
            _step(one, its, inputs)
        if not all(map(torch.equal, net.parameters(), resumed.parameters())):
            raise ValueError("it does not go on from its saved state as it would without a stop")


def try_scheduler(config: Mapping[str, Any], net: nn.Module) -> None:
    """Make the schedule; take steps with a library's, and load its saved state.

    Raises:
        SettingError: Saying what it cannot do.
    """
    try:
        optimizer = build_optimizer(config, net)
        optimizer.param_groups[0]["lr"]
    except Exception:  # the optimizer's own trial says why
        optimizer = SGD(net.parameters(), lr=1.0)
    if not _is_foreign(config["scheduler"]):
        build_scheduler(config, optimizer, STEPS)
        return
    with _explained(config["scheduler"]):
        schedule = build_scheduler(config, optimizer, STEPS)
        for _ in range(2):
            schedule.step()
        schedule.load_state_dict(_saved(schedule.state_dict()))


def _step(net: nn.Module, optimizer: Optimizer, inputs: Tensor) -> None:
    def closure() -> Tensor:
        with torch.enable_grad():
            optimizer.zero_grad()
            loss: Tensor = net(inputs).square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[arg-type]  # as Lightning calls it


def _saved(state: dict[str, Any]) -> Any:
    """A state as a checkpoint gives it back."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "state"
        torch.save(state, file)
        try:
            return read(file)
        except ForeignTypeError as error:
            raise ValueError(
                f"its state holds pickled objects ({error}), and a checkpoint plain types only"
            ) from None


@contextmanager
def _explained(node: Mapping[str, Any]) -> Iterator[None]:
    try:
        with torch.random.fork_rng(devices=()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            yield
    except SettingError:
        raise
    except Exception as error:  # any error: it is foreign code
        raise SettingError(f"{node['_target_']}: cannot be trained with here: {error}") from error
