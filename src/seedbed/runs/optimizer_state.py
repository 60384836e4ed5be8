"""An optimizer's and a schedule's state of a checkpoint, compared with what they would have.

`Optimizer.load_state_dict` compares no shapes, and a fused step writes as far as the parameter
reaches: moments of one element beside larger weights corrupt memory. The pattern is what one step
with gradients of zero leaves, taken by a copy of the optimizer on parameters without memory.
"""

import copy
import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer

from seedbed.runs.validate import Differences, are_numbers, differ, shown
from seedbed.terminal import log

SWITCHES = ("capturable", "differentiable", "foreach", "fused", "maximize")
"""Options that choose how a step is computed."""


def schedules_differ(found: list[Any], schedules: Sequence[Any]) -> Differences:
    """What a schedule was made of is in the configuration; the rest may have moved on."""
    if len(found) != len(schedules):
        yield f"lr_schedulers: expected {len(schedules)}, got {len(found)}"
        return
    for number, (state, schedule) in enumerate(zip(found, schedules, strict=True)):
        expected, place = schedule.state_dict(), f"lr_schedulers[{number}]"
        yield from differ(state, expected, place)
        for name in inspect.signature(type(schedule)).parameters:
            if isinstance(expected.get(name), float) and state.get(name) != expected[name]:
                yield f"{place}.{name}: expected {expected[name]}, got {shown(state.get(name))}"


def optimizers_differ(found: list[Any], trainer: Trainer) -> Differences:
    """Say where the states of a fit's optimizers are not as theirs would be.

    A state without a pattern is compared with its parameter, and nothing fused is used with it.
    """
    optimizers = trainer.strategy.optimizers
    names = {id(p): name for name, p in trainer.lightning_module.named_parameters()}
    if len(found) != len(optimizers):
        yield f"optimizer_states: expected {len(optimizers)}, got {len(found)}"
        return
    for number, (state, optimizer) in enumerate(zip(found, optimizers, strict=True)):
        place = f"optimizer_states[{number}]"
        if not isinstance(state, dict) or not {"state", "param_groups"} <= set(state):
            yield f"{place}: expected state and param_groups"
            continue
        pattern = _after_a_step(optimizer)
        groups = pattern["param_groups"] if pattern else None
        yield from _groups_differ(state["param_groups"], optimizer, groups, place)
        if pattern is None:
            _unfuse(state["param_groups"], optimizer)
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        yield from _moments_differ(
            state["state"],
            pattern["state"] if pattern else None,
            parameters,
            [names.get(id(p), str(number)) for number, p in enumerate(parameters)],
            place,
        )


def _groups_differ(
    found: Any, optimizer: Optimizer, after: list[dict[str, Any]] | None, place: str
) -> Differences:
    """The options of each group; switches are as built, and the numbers in their usual range.

    Some optimizers keep more there once they have taken a step, as the number of steps.
    """
    place, expected = f"{place}.param_groups", optimizer.state_dict()["param_groups"]
    if after and isinstance(found, list):
        expected = [
            {name: later[name] for name in later if name in group} | built
            for group, later, built in zip(found, after, expected, strict=False)
            if isinstance(group, dict)
        ]
    if isinstance(found, list):
        found = [
            {name: group[name] for name in group if name in known or not _is_tally(group[name])}
            if isinstance(group, dict)
            else group
            for group, known in zip(found, expected, strict=False)
        ] + found[len(expected) :]
    settings = inspect.signature(type(optimizer)).parameters
    differences = [*differ(found, expected, place)]
    yield from differences
    for number, group in enumerate([] if differences else expected):
        for name, value in group.items():
            came, at = found[number][name], f"{place}[{number}].{name}"
            if value is None and name not in SWITCHES and _is_number(came):
                continue  # it came about in a step
            if isinstance(value, bool | str | None) or name == "params":
                if came != value:
                    yield f"{at}: expected {shown(value)}, got {shown(came)}"
            elif isinstance(value, tuple | list):
                for one, other in zip(came, value, strict=True):
                    yield from _option_differs(one, other, at)
            elif name in settings or name in ("lr", "initial_lr"):
                yield from _option_differs(came, value, at)


def _is_number(value: Any) -> bool:
    """Whether it is a plain number: some optimizers gather such in their steps."""
    return type(value) in (int, float) and math.isfinite(value)


def _is_tally(value: Any) -> bool:
    """Whether it is a number, as a tensor too, or some by names."""
    if isinstance(value, Mapping):
        return all(type(name) is str and _is_tally(one) for name, one in value.items())
    if isinstance(value, Tensor):
        return value.numel() == 1 and are_numbers(value, infinite=False)
    return _is_number(value)


def _option_differs(found: Any, expected: Any, place: str) -> Differences:
    """A number is not negative where none was built so; a share of 1 at most stays one."""
    if not isinstance(expected, int | float) or not math.isfinite(expected):
        return
    share = isinstance(expected, float) and 0 <= expected < 1 and not place.endswith("lr")
    most = 1.0 if share else math.inf
    if not (min(0, expected) <= found <= most) or math.isinf(found):
        yield f"{place}: expected a number as {expected}, got {found}"


def _after_a_step(optimizer: Optimizer) -> dict[str, Any] | None:
    """The state, groups too, that one step with gradients of zero leaves.

    None where the step of a copy fails, on parameters without memory and on others.
    """
    for device in ("meta", "cpu"):
        try:
            twin = _twin(optimizer, torch.device(device))
            type(twin).step(twin, lambda: 0.0)  # its own may be bound to the other
            return twin.state_dict()
        except Exception:  # whatever an optimizer has against it
            continue
    return None


def _twin(optimizer: Optimizer, device: torch.device) -> Optimizer:
    """A copy of an optimizer with parameters, and gradients, of zero."""
    memo: dict[int, Any] = {}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            other = nn.Parameter(torch.zeros_like(parameter, device=device))
            other.grad = torch.zeros_like(other)
            memo[id(parameter)] = other
    twin: Optimizer = object.__new__(type(optimizer))
    memo[id(optimizer)] = twin
    # Not by `copy.deepcopy(optimizer)`: it would leave out what an optimizer keeps beside.
    vars(twin).update(copy.deepcopy(vars(optimizer), memo))
    for group in twin.param_groups:
        if device.type == "meta" and group.get("fused"):
            group["fused"] = False  # the state is the same
    return twin


def _unfuse(groups: Any, optimizer: Optimizer) -> None:
    """Have torch's own operations, which compare shapes, do the step."""
    for group in groups:
        for name in ("fused", "foreach"):
            if group.get(name):
                group[name] = False
    log.info(
        f"{type(optimizer).__name__}: its state cannot be compared with a pattern, so nothing is "
        "fused in its steps."
    )


def _moments_differ(
    found: Any,
    pattern: Mapping[int, Mapping[str, Any]] | None,
    parameters: Sequence[Tensor],
    names: Sequence[str],
    place: str,
) -> Differences:
    """Compare the state of each parameter that has one with the pattern, or with the parameter."""
    if not isinstance(found, dict):
        yield f"{place}.state: expected that of each parameter"
        return
    for index, state in found.items():
        if type(index) is str and _is_tally(state):
            continue  # some keep there what is of all parameters
        if type(index) is not int or not 0 <= index < len(parameters):
            yield f"{place}.state.{index!s:.80}: there is no such parameter"
            continue
        expected = pattern.get(index, {}) if pattern is not None else {}
        if not isinstance(state, dict):
            yield f"{place} of {names[index]}: expected a state"
            continue
        for name in {**expected, **state}:
            where = f"{place}.{name!s:.80} of {names[index].removeprefix('net.')}"
            if name not in state:
                yield f"{where}: is missing"
            else:
                likely = expected.get(name, _likely(state[name], parameters[index]))
                yield from _moment_differs(state[name], likely, where)


def _likely(value: Any, parameter: Tensor) -> Any:
    """What a state without a pattern may be: a number, or as large as the parameter."""
    if isinstance(value, Tensor) and value.ndim:
        return torch.empty_like(parameter, dtype=value.dtype, device="meta")
    return value


def _moment_differs(found: Any, expected: Any, place: str) -> Differences:
    if _is_number(expected) and isinstance(found, Tensor) and not found.ndim:
        expected = found  # of a step in which no gradient is zero
    differences = [*differ(found, expected, place)]
    yield from differences
    if differences or not isinstance(found, Tensor):
        return
    if found.ndim == 0 and not bool(found.isfinite() & (found >= 0)):
        yield f"{place}: expected a number from 0, got {found.item()}"
    elif not are_numbers(found, infinite=True):
        yield f"{place}: has values that are not numbers"
