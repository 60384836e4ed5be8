from typing import Any

import pytest
from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator

from seedbed.machine import compiler_problems, device_problems

ONE = "a run has one device; expected 1, or [N] for the GPU numbered N."


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> dict[type, bool]:
    """Which kinds of GPU there are: none, until a test puts one in."""
    there = {CUDAAccelerator: False, MPSAccelerator: False}
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
        ({"num_nodes": 2}, "trainer.num_nodes=2: a run has one device; expected 1."),
        (
            {"accelerator": "tpu"},
            "trainer.accelerator=tpu: expected auto or cpu or gpu or cuda or mps.",
        ),
        (
            {"accelerator": "gpu"},
            "trainer.accelerator=gpu: torch finds none on this machine; choose trainer=auto, the "
            "best device there is.",
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
