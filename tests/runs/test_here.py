from pathlib import Path
from typing import Any

import pytest
from fixtures import Command
from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator
from made import copy_of

from seedbed.config.compose import composed, plain
from seedbed.errors import SettingError
from seedbed.record.directory import RunDirectory, write_json
from seedbed.runs.here import as_here

OTHER = "Not as in the run: {}. Figures may differ from its own.\n"


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (CUDAAccelerator, MPSAccelerator):
        monkeypatch.setattr(kind, "is_available", lambda: False)


def settings(**trainer: Any) -> dict[str, Any]:
    return {"compile": False, "trainer": {"accelerator": "auto", "devices": 1, **trainer}}


def test_settings_that_the_machine_can_have_are_as_they_were() -> None:
    assert as_here(settings()) == (settings(), [])


def test_device_that_is_not_there_gives_way_to_what_is() -> None:
    here, other = as_here(settings(accelerator="gpu", devices=[3], precision="bf16-mixed"))
    assert here == settings(precision="bf16-mixed")
    assert other == ["accelerator=auto instead of gpu", "devices=1 instead of [3]"]


def test_half_precision_goes_with_the_gpu() -> None:
    here, other = as_here(settings(accelerator="gpu", precision="16-mixed"))
    assert here["trainer"]["precision"] == "32-true"
    assert other[-1] == "precision=32-true instead of 16-mixed"


def test_compiler_that_is_not_there_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    here, other = as_here(settings() | {"compile": True})
    assert (here["compile"], other) == (False, ["compile=false instead of true"])


@pytest.mark.parametrize("config", [{}, {"trainer": "auto", "compile": True}, {"trainer": {}}])
def test_settings_without_these_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="expected a trainer among the settings"):
        as_here(config)


# --- a run from a machine with a GPU --------------------------------------------------------------


@pytest.fixture
def of_a_gpu(exam: RunDirectory, tmp_path: Path) -> RunDirectory:
    """As `trainer=gpu` leaves it."""
    run = copy_of(exam, tmp_path / "run")
    config = run.config()
    config["trainer"] |= plain(composed(["trainer=gpu"]))["trainer"] | {"max_epochs": 4}
    run.set_config(config | {"compile": True})
    write_json(run.provenance_file, run.provenance() | {"device": "cuda"})
    return run


@pytest.fixture
def without_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")


@pytest.mark.usefixtures("without_compiler")
def test_run_of_a_gpu_is_evaluated_with_what_there_is_and_that_is_said(
    seedbed: Command, of_a_gpu: RunDirectory
) -> None:
    called = seedbed("evaluate", of_a_gpu.path, "--json")
    assert (called.status, called.out[0]) == (0, "{")
    assert called.err == OTHER.format(
        "compile=false instead of true, accelerator=auto instead of gpu, cpu instead of cuda"
    )


def test_device_that_was_chosen_by_itself_is_compared_too(
    seedbed: Command, exam: RunDirectory, tmp_path: Path
) -> None:
    run = copy_of(exam, tmp_path / "run")
    write_json(run.provenance_file, run.provenance() | {"device": "cuda"})
    assert seedbed("evaluate", run.path).err == OTHER.format("cpu instead of cuda")
    assert seedbed("evaluate", exam.path).err == ""


def test_run_of_a_gpu_predicts_and_is_exported(
    seedbed: Command, of_a_gpu: RunDirectory, tmp_path: Path
) -> None:
    (tmp_path / "input.csv").write_text("study,sleep\n1,2\n")
    assert seedbed("predict", of_a_gpu.path, tmp_path / "input.csv").status == 0
    assert seedbed("export", of_a_gpu.path, "--format", "safetensors").status == 0


def test_poem_run_of_a_gpu_writes(seedbed: Command, poems: RunDirectory, tmp_path: Path) -> None:
    run = copy_of(poems, tmp_path / "run")
    config = run.config()
    run.set_config(config | {"trainer": config["trainer"] | {"accelerator": "gpu"}})
    assert seedbed("generate", run.path, "--prompt", "春").out.startswith("春")


@pytest.mark.usefixtures("without_compiler")
def test_run_of_a_gpu_is_reproduced_with_what_there_is_and_compared(
    seedbed: Command, of_a_gpu: RunDirectory
) -> None:
    called = seedbed("reproduce", of_a_gpu.path)
    assert called.status == 1
    assert "accelerator=auto instead of gpu" in called.out
    assert "not identical: " in called.out
    assert "    device: cuda → cpu\n" in called.out


@pytest.mark.usefixtures("without_compiler")
def test_run_of_a_gpu_goes_on_elsewhere_only_if_asked(
    seedbed: Command, of_a_gpu: RunDirectory
) -> None:
    of_a_gpu.set_status("interrupted")
    called = seedbed("resume", of_a_gpu.path)
    assert called.status == 2
    assert "trainer.accelerator=auto takes the best device there is." in called.err
    assert "or set compile=false." in called.err
    called = seedbed("resume", of_a_gpu.path, "trainer.accelerator=auto", "compile=false")
    assert (called.status, of_a_gpu.state()) == (0, "finished")
    assert of_a_gpu.config()["trainer"]["accelerator"] == "auto"
    assert of_a_gpu.provenance()["resumed"][0]["device"] == "cpu"


def test_finished_run_stays_as_it_is(seedbed: Command, of_a_gpu: RunDirectory) -> None:
    before = of_a_gpu.config()
    called = seedbed("resume", of_a_gpu.path, "trainer.accelerator=cpu", "compile=false")
    assert "has finished" in called.out
    assert of_a_gpu.config() == before
