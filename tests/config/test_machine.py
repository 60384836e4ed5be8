import os
from typing import Any

import pytest
from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator

from seedbed.config.machine import (
    alone,
    compiler_problems,
    device_problems,
    scaler_problems,
    search_for_gpus_once,
)
from seedbed.processes.distributed import variables

ONE = (
    "a run has one device; expected 1, or [N] for the GPU numbered N. For several choose "
    "trainer=ddp."
)
MANY = "expected the number of processes, one for each device, or [N,…] for the GPUs numbered so."
DDP = {"strategy": "ddp", "devices": 2}


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> dict[type, bool]:
    """Which kinds of GPU there are: none, until a test puts one in."""
    there = {CUDAAccelerator: False, MPSAccelerator: False}
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    for kind in (CUDAAccelerator, MPSAccelerator):
        monkeypatch.setattr(kind, "is_available", lambda kind=kind: there[kind])
    return there


@pytest.mark.parametrize(
    ("trainer", "problem"),
    [
        ({"devices": 2}, f"trainer.devices=2: {ONE}"),
        ({"devices": "auto"}, f"trainer.devices=auto: {ONE}"),
        ({"devices": [0]}, f"trainer.devices=[0]: {ONE}"),
        ({"devices": [0], "accelerator": "cpu"}, f"trainer.devices=[0]: {ONE}"),
        (
            {"num_nodes": 2},
            "trainer.num_nodes=2: a run has one device; expected 1. For several choose "
            "trainer=ddp.",
        ),
        (
            {"strategy": "fsdp"},
            "trainer.strategy=fsdp: expected auto or ddp or ddp_find_unused_parameters_true.",
        ),
        ({"strategy": "ddp", "devices": "auto"}, f"trainer.devices=auto: {MANY}"),
        ({"strategy": "ddp", "devices": 0}, f"trainer.devices=0: {MANY}"),
        ({"strategy": "ddp", "devices": [0, 1]}, f"trainer.devices=[0,1]: {MANY}"),
        (
            DDP | {"devices": 101},
            "trainer.devices=101: expected at most 8 processes, 4 for each of this machine's "
            "cores.",
        ),
        (
            DDP | {"num_nodes": 2},
            "trainer.num_nodes=2: a run can start processes on its own machine only; start it on "
            "each with torchrun --nnodes=2 --nproc-per-node=2 train.py …",
        ),
        (
            {"accelerator": "tpu"},
            "trainer.accelerator=tpu: expected auto or cpu or gpu or cuda or mps.",
        ),
        (
            {"accelerator": "gpu"},
            "trainer.accelerator=gpu: torch finds none on this machine; trainer.accelerator=auto "
            "takes the best device there is.",
        ),
    ],
)
@pytest.mark.usefixtures("gpus")
def test_device_that_is_not_there_is_refused(trainer: dict[str, Any], problem: str) -> None:
    assert [*device_problems(trainer)] == [problem]


@pytest.mark.parametrize("devices", [1, "1"])
@pytest.mark.usefixtures("gpus")
def test_one_device_is_accepted(devices: object) -> None:
    assert [*device_problems({"devices": devices})] == []


@pytest.mark.parametrize("accelerator", ["auto", "gpu", "cuda"])
def test_gpu_that_is_there_may_be_named(accelerator: str, gpus: dict[type, bool]) -> None:
    gpus[CUDAAccelerator] = True
    assert [*device_problems({"accelerator": accelerator, "devices": [3]})] == []


def test_several_devices_are_accepted_for_several_processes(gpus: dict[type, bool]) -> None:
    assert [*device_problems(DDP)] == []
    gpus[CUDAAccelerator] = True
    assert [*device_problems({"strategy": "ddp", "devices": [0, 2]})] == []


@pytest.mark.usefixtures("gpus")
def test_processes_that_torchrun_has_started_must_be_as_many_as_the_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables(1, 2, port=1).items():
        monkeypatch.setenv(name, value)
    assert [*device_problems(DDP)] == []
    [problem] = device_problems(DDP | {"devices": 3})
    assert problem == (
        "trainer.devices=3, trainer.num_nodes=1: torchrun has started 2 processes; expected as "
        "many."
    )
    [problem] = device_problems({"devices": 1})
    assert problem.startswith("trainer.strategy=auto: there are 2 processes, but this run is for")


def test_settings_for_several_processes_become_those_of_one() -> None:
    assert alone({"accelerator": "cpu", **DDP}) == {
        "accelerator": "cpu",
        "strategy": "auto",
        "devices": 1,
        "num_nodes": 1,
    }
    assert alone({"devices": [3]}) == {"devices": [3]}


@pytest.mark.usefixtures("gpus")
def test_compiled_net_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    [problem] = compiler_problems({}, compiled=True)
    assert problem.startswith("compile=true: needs a C++ compiler, and there is no no-such-comp")
    assert [*compiler_problems({}, compiled=False)] == []


def test_gpu_needs_no_compiler_of_the_systems(
    gpus: dict[type, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus[CUDAAccelerator] = True
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert [*compiler_problems({"accelerator": "gpu"}, compiled=True)] == []
    [_] = compiler_problems({"accelerator": "cpu"}, compiled=True)


HALF = {"precision": "16-mixed", "gradient_clip_val": 1.0}


@pytest.mark.parametrize("precision", ["16-mixed", "16", 16])
def test_fused_optimizer_leaves_no_float16_gradients_to_clip(
    gpus: dict[type, bool], precision: Any
) -> None:
    gpus[CUDAAccelerator] = True
    [problem] = scaler_problems({**HALF, "precision": precision}, fused=True)
    assert problem == (
        f"trainer.precision={precision}, trainer.gradient_clip_val=1.0: gradients in float16 "
        "cannot be clipped before a fused optimizer; choose trainer.precision=bf16-mixed or "
        "optimizer.fused=false, or trainer.accelerator=cpu."
    )


@pytest.mark.parametrize(
    ("changed", "fused"),
    [
        ({"accelerator": "cpu"}, True),
        ({"precision": "bf16-mixed"}, True),
        ({"gradient_clip_val": None}, True),
        ({}, False),
    ],
)
def test_gradients_that_can_be_clipped(
    gpus: dict[type, bool], changed: dict[str, Any], fused: bool
) -> None:
    gpus[CUDAAccelerator] = True
    assert [*scaler_problems({**HALF, **changed}, fused=fused)] == []


@pytest.mark.parametrize(("there", "said"), [(False, ""), (True, None)])
def test_absent_gpu_is_hidden_from_torch_once(
    gpus: dict[type, bool], monkeypatch: pytest.MonkeyPatch, there: bool, said: str | None
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # so that it is set back
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    gpus[CUDAAccelerator] = there
    search_for_gpus_once()
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == said


@pytest.mark.usefixtures("gpus")
def test_devices_that_a_user_names_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    search_for_gpus_once()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
