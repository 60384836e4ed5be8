"""What a checkpoint gives to torch, compared with what the configuration builds, before it is used.

Weights are compared with a net that is laid out on torch's `meta` device, so nothing of the size
that a configuration asks for is allocated before it is known that the checkpoint is of that size.
Other values are compared with those they will replace: by their kind, and within any range that
holds for all of a kind.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.nn.modules import module
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from seedbed.config.build import build_data, build_task
from seedbed.errors import DamagedError, RunError, SettingError, listed, memory
from seedbed.record.checkpoint import KINDS, load
from seedbed.record.directory import RunDirectory

REFUSALS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError),
    *(TypeError, ValueError),
)
"""What taking over a state raises that does not fit."""

NOT_IN_ALL = ("running", "steps")
"""What a checkpoint from which a fit can go on lacks, of some modules and versions."""

PARTS_A_TENSOR = 20
"""How many parameters and modules a net may have for each tensor of its checkpoint, and for a
hundred more, as a module may keep those of a frozen encoder from it."""

TIMES, ROOM = 4, 1_000_000
"""How many times the numbers of its checkpoint, and how many more, a net may hold as it is made."""

OF_LAYOUT = {"compile": False, "init": {"_target_": "seedbed.optim.initialisers.default"}}
"""In place of what does not change a net's layout."""

Differences = Iterator[str]


def refuse(path: Path, differences: Differences) -> None:
    """Raise if there are any.

    Raises:
        RunError: Naming the file and the first of them.
    """
    if lines := listed(differences):
        raise RunError(f"{path}: {lines}\nIt is of another configuration, or was altered.")


def check_begun(run: RunDirectory, config: Mapping[str, Any]) -> None:
    """Have a run's checkpoints be of its net before anything of its size is allocated.

    A damaged one is passed over here.

    Raises:
        RunError: If one is of another net or data.
    """
    for path in (run.last, run.best):
        if path.exists():
            try:
                state = load(path)
            except DamagedError:
                continue
            needed = (name for name in KINDS if name not in NOT_IN_ALL)
            refuse(path, (f"{name}: is missing" for name in needed if name not in state))
            datamodule = build_data(config)
            try:
                if kept := state.get(type(datamodule).__qualname__):
                    datamodule.load_state_dict(kept)
                check_layout(path, state, config, getattr(datamodule, "sizes", {}))
            except (*REFUSALS, SettingError) as error:
                raise unfit(path, run, error) from error


def unfit(path: Path, run: RunDirectory, error: BaseException) -> RunError:
    """The error for what was taken over and is refused by what takes it."""
    reason = f"{type(error).__name__}: {error}"
    return RunError(f"{path}: does not fit {run.config_file} ({reason}).")


def check_layout(
    path: Path, state: Mapping[str, Any], config: Mapping[str, Any], sizes: Mapping[str, Any]
) -> None:
    """Compare weights with the net that the configuration describes, which takes no memory.

    One that must compute to be made is made, as far as it is not much larger than the weights.

    Raises:
        RunError: Naming what is different.
    """
    weights = state["state_dict"]
    parts = PARTS_A_TENSOR * (len(weights) + 100)
    expected = laid_out(config, sizes, weights, most=parts)
    if expected is None:
        saved = sum(one.numel() for one in weights.values() if isinstance(one, Tensor))
        with torch.random.fork_rng(devices=()), _at_most(parts, TIMES * saved + ROOM):
            expected = kept_weights(build_task({**config, **OF_LAYOUT}, sizes), weights)
    refuse(path, weights_differ(weights, expected))


def kept_weights(task: LightningModule, saved: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights that a checkpoint of a task must have, by name.

    A module may keep some from its checkpoints, as those of a frozen encoder: by a `state_dict` of
    its own, or as its loading is not strict, whatever is not `saved`.
    """
    every = nn.Module.state_dict(task, keep_vars=True)
    own = type(task).state_dict is not nn.Module.state_dict
    kept = (
        {name: every.get(name, weight) for name, weight in task.state_dict().items()}
        if own
        else every
    )
    return {name: weight for name, weight in kept.items() if task.strict_loading or name in saved}


def laid_out(
    config: Mapping[str, Any], sizes: Mapping[str, Any], saved: Mapping[str, Any], *, most: int
) -> dict[str, Tensor] | None:
    """The names, shapes and types of a task's weights, on a device where they take no memory.

    Args:
        config: A configuration.
        sizes: The data's.
        saved: A checkpoint's weights.
        most: How many parameters and modules there may be.

    Returns:
        The task's state; None if it must compute to be made, which it cannot there.

    Raises:
        SettingError: If there are more, or a target refuses a value.
    """
    try:
        with torch.device("meta"), _at_most(most):
            task = build_task({**config, **OF_LAYOUT}, sizes)
    except NotImplementedError:
        return None
    except RuntimeError as error:
        if "meta" in str(error):
            return None
        raise SettingError(f"net: {error}") from error
    taken = sum(buffer.nbytes for buffer in task.buffers())
    if taken > memory():
        raise SettingError(f"net: its buffers take {taken:,} bytes, more than this machine has.")
    return kept_weights(task, saved)


@contextmanager
def _at_most(parts: int, numbers: float = math.inf) -> Iterator[None]:
    """Stop as soon as what is made has more parameters and modules, or numbers, than were saved.

    Copies count as parts: `torch.nn.Transformer` copies a layer before it registers the copies.

    Args:
        parts: The most parameters and modules.
        numbers: The most numbers in the parameters, which take no memory before they are drawn.
    """
    made, held = count(), 0

    def note(_: object = None, __: str = "", one: object = None) -> None:
        nonlocal held
        held += one.numel() if isinstance(one, Tensor) and not is_lazy(one) else 0
        if next(made) >= parts or held > numbers:
            raise SettingError("net: it has many more parts or weights than were saved.")

    class Copies(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func is Tensor.clone:
                note(one=args[0])
            return func(*args, **(kwargs or {}))

    hooks = [
        module.register_module_parameter_registration_hook(note),
        module.register_module_module_registration_hook(note),
    ]
    try:
        with Copies():
            yield
    finally:
        for hook in hooks:
            hook.remove()


def weights_differ(
    found: Any, expected: Mapping[str, Tensor], place: str = "state_dict"
) -> Differences:
    """Say where weights are not those of a net: by name, shape and kind, or not numbers.

    A buffer may be infinite, as a mask is; a parameter may not.
    """
    if not isinstance(found, Mapping):
        yield f"{place}: expected tensors by name"
        return
    yield from _keys(found, expected, place)
    for name in expected:
        if name in found:
            differences = [*differ(found[name], expected[name], _at(place, name))]
            yield from differences
            infinite = not isinstance(expected[name], nn.Parameter)
            if not differences and not are_numbers(found[name], infinite=infinite):
                yield f"{_at(place, name)}: has values that are not finite"


def are_numbers(content: Tensor, *, infinite: bool) -> bool:
    """Whether all values are numbers; infinite ones may be allowed."""
    if not content.is_floating_point():
        return True
    wide = content.float() if content.itemsize == 1 else content
    return not bool((wide.isnan() if infinite else ~wide.isfinite()).any())


def differ(found: Any, expected: Any, place: str, *, closed: bool = True) -> Differences:
    """Say where a value is not of the kind of another; what that leaves open may be anything.

    An empty container and None are open; where not `closed`, a mapping may also have other keys.
    """
    if isinstance(expected, Tensor):
        yield from _tensors_differ(found, expected, place)
    elif isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            yield f"{place}: expected names, got {shown(found)}"
        elif expected:
            yield from _keys(found, expected, place, closed=closed)
            for key in expected:
                if key in found:
                    yield from differ(found[key], expected[key], _at(place, key), closed=closed)
    elif isinstance(expected, list | tuple):
        if type(found) is not type(expected):
            yield f"{place}: expected {shown(expected)}, got {shown(found)}"
        elif expected and len(found) != len(expected):
            yield f"{place}: expected {len(expected)} values, got {len(found)}"
        else:
            for number, (one, other) in enumerate(zip(found, expected, strict=False)):
                yield from differ(one, other, f"{place}[{number}]", closed=closed)
    elif expected is not None and not _alike(found, expected):
        yield f"{place}: expected {shown(expected)}, got {shown(found)}"


def _tensors_differ(found: Any, expected: Tensor, place: str) -> Differences:
    kinds = isinstance(found, Tensor) and _kind(found) != _kind(expected)
    if kinds or not isinstance(found, Tensor) or found.shape != expected.shape:
        yield f"{place}: expected {shown(expected, kind=kinds)}, got {shown(found, kind=kinds)}"


def _alike(found: Any, expected: Any) -> bool:
    """Whether a plain value may stand for another."""
    if type(expected) is float:
        return type(found) in (int, float) and not math.isnan(found)
    if type(expected) is int:
        return type(found) is int and -1 <= found < 2**53
    return type(found) is type(expected)


def _keys(
    found: Mapping[Any, Any], expected: Mapping[Any, Any], place: str, *, closed: bool = True
) -> Differences:
    for key in expected:
        if key not in found:
            yield f"{_at(place, key)}: is missing"
    for key in found if closed else ():
        if key not in expected:
            yield f"{_at(place, key)}: unexpected"


def _at(place: str, key: Any) -> str:
    return f"{place}.{key!s:.80}" if place else f"{key!s:.80}"


def _kind(content: Tensor) -> str:
    """What conversion keeps: floating point numbers may be of any precision."""
    if content.layout != torch.strided or content.is_quantized:
        return str(content.layout)
    return "float" if content.is_floating_point() else str(content.dtype).removeprefix("torch.")


def shown(value: Any, *, kind: bool = False) -> str:
    """A value in few words: a tensor by its shape, and its kind if asked for."""
    if isinstance(value, Tensor):
        return f"{_kind(value)} {[*value.shape]}" if kind else f"{[*value.shape]}"
    if isinstance(value, int | float | None):
        return str(value) if abs(value or 0) < 2**64 or isinstance(value, float) else "a huge one"
    return f"a {type(value).__name__}"
