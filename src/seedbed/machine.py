"""What a machine must have for a run: the device that is chosen, and a compiler for a compiled net.

Only what torch and the system say is asked; nothing is set up.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator

from seedbed.hints import shown

GPUS = {
    "gpu": (CUDAAccelerator, MPSAccelerator),
    "cuda": (CUDAAccelerator,),
    "mps": (MPSAccelerator,),
}
"""The accelerators that a machine may lack."""

ACCELERATORS = ("auto", "cpu", *GPUS)
"""Those that studies are written for."""


def device_problems(trainer: Mapping[str, Any]) -> Iterator[str]:
    """Check that the device of a Trainer's settings is there, and that it is one."""
    name, devices = _accelerator(trainer), trainer.get("devices", 1)
    if name not in ACCELERATORS:
        yield f"trainer.accelerator={name}: expected {' or '.join(ACCELERATORS)}."
    elif name in GPUS and not _has_gpu(name):
        yield (
            f"trainer.accelerator={name}: torch finds none on this machine; choose trainer=auto, "
            "the best device there is."
        )
    numbered = isinstance(devices, list) and len(devices) == 1 and _has_gpu(name)
    if devices not in (1, "1") and not numbered:
        yield (
            f"trainer.devices={shown(devices)}: a run has one device; expected 1, or [N] for the "
            "GPU numbered N."
        )
    if trainer.get("num_nodes", 1) != 1:
        yield f"trainer.num_nodes={shown(trainer['num_nodes'])}: a run has one device; expected 1."


def compiler_problems(trainer: Mapping[str, Any], *, compiled: bool) -> Iterator[str]:
    """Check that a compiled net finds a compiler; a GPU's comes with torch."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    compiler = os.environ.get("CXX", usual)  # as torch chooses it
    if compiled and not _has_gpu(_accelerator(trainer)) and shutil.which(compiler) is None:
        yield (
            f"compile=true: needs a C++ compiler, and there is no {compiler}. Install one, or name "
            "yours in the environment variable CXX."
        )


def _accelerator(trainer: Mapping[str, Any]) -> str:
    """The accelerator's name; what is no name is told as such elsewhere."""
    name = trainer.get("accelerator")
    return name if isinstance(name, str) else "auto"


def _has_gpu(accelerator: str) -> bool:
    """Whether a run with this accelerator, or with the best there is, has a GPU."""
    kinds = GPUS.get("gpu" if accelerator == "auto" else accelerator, ())
    return any(kind.is_available() for kind in kinds)
