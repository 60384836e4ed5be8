"""What a machine must have for a run, its devices and a compiler, and what a GPU cannot do.

Only what torch and the system say is asked; nothing is set up for it.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator

from seedbed.config.type_checks import shown
from seedbed.processes import distributed

GPUS = {
    "gpu": (CUDAAccelerator, MPSAccelerator),
    "cuda": (CUDAAccelerator,),
    "mps": (MPSAccelerator,),
}
"""The accelerators that a machine may lack."""

ACCELERATORS = ("auto", "cpu", *GPUS)
"""Those that studies are written for."""


STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true")
"""How a net may be trained: by one process, or by several that each have all of it."""

MOST_PROCESSES = 4
"""Processes that a run may start for each of a machine's cores."""

ALONE = {"strategy": "auto", "devices": 1, "num_nodes": 1}
"""What one process has in place of what several have."""


def is_distributed(trainer: Mapping[str, Any]) -> bool:
    """Whether a Trainer's settings are for several processes."""
    return str(trainer.get("strategy")).startswith("ddp")


def process_count(trainer: Mapping[str, Any]) -> int:
    """How many processes that is on one machine, one for each device."""
    devices = trainer.get("devices", 1)
    return len(devices) if isinstance(devices, list) else int(devices)


def alone(trainer: Mapping[str, Any]) -> dict[str, Any]:
    """A Trainer's settings, for one process in any case."""
    return {**trainer} | (ALONE if is_distributed(trainer) else {})


def search_for_gpus_once() -> None:
    """Where torch finds no CUDA device, have it not look again.

    An optimizer looks at every step, and as Lightning sets torch up, each look searches for the
    driver's library: on a busy machine up to a tenth of a tiny net's step. For a run's own process;
    where a sweep is started, jobs elsewhere may have a GPU.
    """
    if not _has_gpu("cuda"):
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


def device_problems(trainer: Mapping[str, Any]) -> Iterator[str]:
    """Check that the devices of a Trainer's settings are there, and as many as can be used."""
    name, strategy = _accelerator(trainer), trainer.get("strategy", "auto")
    if name not in ACCELERATORS:
        yield f"trainer.accelerator={name}: expected {' or '.join(ACCELERATORS)}."
    elif name in GPUS and not _has_gpu(name):
        yield (
            f"trainer.accelerator={name}: torch finds none on this machine; "
            "trainer.accelerator=auto takes the best device there is."
        )
    if strategy not in STRATEGIES:
        yield f"trainer.strategy={shown(strategy)}: expected {' or '.join(STRATEGIES)}."
    elif is_distributed(trainer):
        yield from _process_problems(trainer)
    else:
        yield from _single_problems(trainer)


def _single_problems(trainer: Mapping[str, Any]) -> Iterator[str]:
    """Check that a run of one process has one device, and that it is the only one."""
    devices, nodes = trainer.get("devices", 1), trainer.get("num_nodes", 1)
    numbered = isinstance(devices, list) and len(devices) == 1 and _has_gpu(_accelerator(trainer))
    if devices not in (1, "1") and not numbered:
        yield (
            f"trainer.devices={shown(devices)}: a run has one device; expected 1, or [N] for the "
            "GPU numbered N. For several choose trainer=ddp."
        )
    if nodes != 1:
        yield (
            f"trainer.num_nodes={shown(nodes)}: a run has one device; expected 1. For several "
            "choose trainer=ddp."
        )
    if distributed.size() > 1:
        yield (
            f"trainer.strategy=auto: there are {distributed.size()} processes, but this run is for "
            "one; choose trainer=ddp, or start it without torchrun."
        )


def _process_problems(trainer: Mapping[str, Any]) -> Iterator[str]:
    """Check that there are as many processes as there should be, if they are there already."""
    devices, nodes = trainer.get("devices", 1), trainer.get("num_nodes", 1)
    numbered = isinstance(devices, list) and devices and _has_gpu(_accelerator(trainer))
    if not numbered and not (str(devices).isdecimal() and int(devices) > 0):
        yield (
            f"trainer.devices={shown(devices)}: expected the number of processes, one for each "
            "device, or [N,…] for the GPUs numbered so."
        )
        return
    count, most = process_count(trainer), MOST_PROCESSES * (os.cpu_count() or 1)
    if count > most:
        yield (
            f"trainer.devices={shown(devices)}: expected at most {most} processes, "
            f"{MOST_PROCESSES} for each of this machine's cores."
        )
    elif distributed.is_member() and count * nodes != distributed.size():
        yield (
            f"trainer.devices={shown(devices)}, trainer.num_nodes={nodes}: torchrun has started "
            f"{distributed.size()} processes; expected as many."
        )
    elif nodes != 1 and not distributed.is_member():
        yield (
            f"trainer.num_nodes={nodes}: a run can start processes on its own machine only; start "
            f"it on each with torchrun --nnodes={nodes} --nproc-per-node={count} train.py …"
        )


def compiler_problems(trainer: Mapping[str, Any], *, compiled: bool) -> Iterator[str]:
    """Check that a compiled net finds a compiler; a GPU's comes with torch."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = os.environ.get("CXX", usual)  # as torch chooses it
    if compiled and not _has_gpu(_accelerator(trainer)) and shutil.which(compiler) is None:
        yield (
            f"compile=true: needs a C++ compiler, and there is no {compiler}. Install one, or name "
            "yours in the environment variable CXX; or set compile=false."
        )


def scaler_problems(trainer: Mapping[str, Any], *, fused: bool) -> Iterator[str]:
    """Check that gradients in float16 can be clipped.

    A fused optimizer takes the loss scaler's factor from them itself, too late for that. Without a
    GPU Lightning takes bfloat16 instead, which needs no such factor.
    """
    precision, clip = trainer.get("precision"), trainer.get("gradient_clip_val")
    half = str(precision) in ("16", "16-mixed")
    if fused and clip and half and _has_gpu(_accelerator(trainer)):
        yield (
            f"trainer.precision={precision}, trainer.gradient_clip_val={clip}: gradients in "
            "float16 cannot be clipped before a fused optimizer; choose "
            "trainer.precision=bf16-mixed or optimizer.fused=false, or trainer.accelerator=cpu."
        )


def _accelerator(trainer: Mapping[str, Any]) -> str:
    """The accelerator's name; a value of another type is reported elsewhere."""
    name = trainer.get("accelerator")
    return name if isinstance(name, str) else "auto"


def _has_gpu(accelerator: str) -> bool:
    """Whether a run with this accelerator, or with the best there is, has a GPU."""
    kinds = GPUS.get("gpu" if accelerator == "auto" else accelerator, ())
    return any(kind.is_available() for kind in kinds)
