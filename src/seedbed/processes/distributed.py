"""Several processes that train one net: which of them this one is, and what they exchange.

They find each other by the variables that torchrun sets. A run that starts its processes itself
gives them the same ones, so from there on both are one. A process on its own is the first of one,
to which everything here gives back what it was given.

Imports torch late: every start asks whether it is one of several.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

VARIABLES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK")
"""Which process this is, of how many; the same on its machine; and the machine's number."""

STORE = ("MASTER_ADDR", "MASTER_PORT")
"""Where the store is by which they find each other; the process that starts them holds it."""

LAUNCHED = "TORCHELASTIC_RUN_ID"
"""The variable by which torch itself, and Lightning, know that a process was started so."""

COMMAND = "SEEDBED_COMMAND"
"""The variable with what was typed to start the run, as JSON."""

_apart = False


def variables(rank: int, count: int, port: int) -> Mapping[str, str]:
    """What torchrun gives to a process on one machine.

    Args:
        rank: The process's number, from 0.
        count: How many there are.
        port: Where the process that starts them has its store.
    """
    values = (rank, rank, count, count, 0, "127.0.0.1", port)
    return {
        **dict(zip((*VARIABLES, *STORE), map(str, values), strict=True)),
        LAUNCHED: "seedbed",
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
    }


def typed_command() -> list[str]:
    """What the user typed: of this process, or of the one that has started it."""
    typed: list[str] = json.loads(os.environ.get(COMMAND, "[]"))
    return typed or [sys.executable, *sys.orig_argv[1:]]


def is_member() -> bool:
    """Whether this process was started as one of several, or as the only one of so many."""
    return LAUNCHED in os.environ


def rank() -> int:
    """This process's number; 0 is the first, and the one that writes."""
    return int(os.environ["RANK"]) if is_member() else 0


def size() -> int:
    """How many processes there are."""
    return int(os.environ["WORLD_SIZE"]) if is_member() else 1


def leave() -> None:
    """Go on alone: the first of several forgets the others, which end."""
    if rank() > 0:
        raise SystemExit(0)
    for name in (*VARIABLES, *STORE, LAUNCHED):
        os.environ.pop(name, None)


@contextmanager
def joined() -> Iterator[None]:
    """Be connected with the others; a connection left open may abort a process at its exit."""
    import torch
    from torch import distributed

    # With GPUs, gradients go by NCCL, and what is exchanged here by gloo, for which no GPU waits.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    distributed.barrier()  # that none is gone before all are here
    try:
        yield
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


@contextmanager
def apart() -> Iterator[None]:
    """Do something that the other processes do not: it exchanges values with itself alone."""
    global _apart  # noqa: PLW0603 - a process is apart as a whole
    _apart = True
    try:
        yield
    finally:
        _apart = False


def broadcast(value: Any = None) -> Any:
    """Give the first process's value to all; what the others give is ignored."""
    if not _is_joined():
        return value
    from torch import distributed

    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def all_gather(value: T) -> list[T]:
    """The values of all processes, by rank."""
    if not _is_joined():
        return [value]
    from torch import distributed

    values: list[Any] = [None] * size()
    distributed.all_gather_object(values, value)
    return values


def largest(*numbers: int) -> list[int]:
    """Of each number the largest that any process has."""
    if not _is_joined():
        return [*numbers]
    import torch
    from torch import distributed

    found = torch.tensor(numbers)
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return found.tolist()


def all_reduce_sum(value: Any) -> Any:
    """A tensor's sum over all processes."""
    if not _is_joined():
        return value
    from torch import distributed

    total = value.clone()
    distributed.all_reduce(total)
    return total


def is_peer_failure(error: RuntimeError) -> bool:
    """Whether an error says that another process is gone, or does not answer."""
    from torch import distributed

    # Gloo's has no class of its own; it names the place in its source.
    return is_member() and (isinstance(error, distributed.DistError) or "gloo/" in str(error))


def _is_joined() -> bool:
    from torch import distributed

    return distributed.is_available() and distributed.is_initialized() and not _apart
