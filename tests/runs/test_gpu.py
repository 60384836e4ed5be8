"""Training, resuming and evaluating on a GPU, in full precision, in bfloat16 and compiled.

These were written where there was no GPU: the same bodies were run there on the processor.
"""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from events import interrupt, together
from exact import same
from made import executed, prepared
from strangers_modules import Autoencoder
from strangers_runs import PACKAGES, STUDIES
from strangers_runs import executed as executed_study
from strangers_runs import prepared as prepared_study
from torch.utils.data import DataLoader, Dataset

import seedbed
from seedbed.data.resumable import ResumableLoader, SeededBySample
from seedbed.record.directory import RunDirectory
from seedbed.runs.evaluate import evaluate
from seedbed.runs.execute import execute
from seedbed.runs.predict import predict
from seedbed.runs.resume import resume
from seedbed.tasks.binary import BinaryTask
from seedbed.tasks.regression import RegressionTask

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    # What torch's compiler may warn of, no test can know before it has met the GPU.
    pytest.mark.filterwarnings("default:::torch", "default:::triton"),
]

GPU = "trainer.accelerator=gpu"
SINGLE, HALF, COMPILED = (GPU,), ("trainer=gpu", "compile=false"), ("trainer=gpu",)
exactly = pytest.mark.parametrize("trainer", [SINGLE, HALF], ids=["32-true", "bf16-mixed"])

EXAM = (
    *("experiment=marks", "max_epochs=2", "+trainer.limit_train_batches=6", "logger=csv"),
    *("net.dropout=0.2", "data.input_noise=0.1", "optimizer=adamw"),  # draws on the device
)
DOTS = (
    *("experiment=dots", "max_epochs=3", "data.batch_size=25", "optimizer=adamw", "logger=csv"),
    "optimizer.lr=0.01",
)
GLYPHS = (
    *("experiment=glyphs", "net=cnn", "optimizer=adamw_cnn", "max_epochs=1"),
    *("data.augment={degrees: 10, zoom: 0.1, shift: 0.1}", "+trainer.limit_train_batches=5"),
    "logger=csv",
)
VERSE = (
    *("experiment=rhymes", "data.poems=100", "data.context=16", "data.batch_size=4", "logger=csv"),
    *("net.depth=1", "max_steps=12", "val_check_interval=6", "callbacks.samples.length=5"),
)

SAVED = (
    *("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "running"),
    *("random_states", "global_step", "steps"),
)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a configuration name the strangers' classes."""
    monkeypatch.setattr("seedbed.config.targets.own_packages", lambda: PACKAGES)


def state(run: RunDirectory) -> dict[str, Any]:
    """A run's last checkpoint, on the processor."""
    content: dict[str, Any] = torch.load(run.last, map_location="cpu", weights_only=True)
    return content


def different(run: RunDirectory, whole: RunDirectory, names: tuple[str, ...]) -> list[str]:
    """The parts of the last checkpoints that are not the same."""
    states = state(run), state(whole)
    return [name for name in names if not same(*(each[name] for each in states))]


def gone_on_with(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, kind: type[Any], batch: int
) -> RunDirectory:
    """A run that is interrupted at a batch, and goes on to its end."""
    with monkeypatch.context() as patched:
        interrupt(patched, kind, batch)
        with pytest.raises(SystemExit):
            execute(run.path)
    assert run.state() == "interrupted"
    execute(run.path)
    return run


def validation(run: RunDirectory) -> dict[str, float]:
    """What a run logged of its validation, at its best."""
    return {name: value for name, value in run.metrics().items() if name.startswith("val/")}


@exactly
def test_interrupted_fit_goes_on_to_the_bit(
    trainer: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = executed(tmp_path / "whole", *EXAM, *trainer)
    run = gone_on_with(prepared(tmp_path / "cut", *EXAM, *trainer), monkeypatch, BinaryTask, 9)
    assert different(run, whole, SAVED) == []
    assert run.metrics() == whole.metrics()
    assert state(run)["random_states"][0]["cuda"] is not None


@exactly
@pytest.mark.parametrize("study", [EXAM, GLYPHS, VERSE], ids=["exam", "digits", "verse"])
def test_run_is_evaluated_to_the_metrics_that_it_logged(
    study: tuple[str, ...], trainer: tuple[str, ...], tmp_path: Path
) -> None:
    run = executed(tmp_path / "run", *study, *trainer)
    assert evaluate(run.path) == validation(run)
    assert run.provenance()["device"] == "cuda"
    rows = csv.DictReader((run.path / "metrics.csv").read_text().splitlines())
    assert any(float(row["memory/peak_mib"] or 0) > 0 for row in rows)


def test_compiled_fit_goes_on_and_is_evaluated_to_what_it_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = executed(tmp_path / "whole", *DOTS, *COMPILED)
    run = gone_on_with(prepared(tmp_path / "cut", *DOTS, *COMPILED), monkeypatch, RegressionTask, 6)
    # Sums may be in another order: for what shapes is compiled depends on where a fit begins.
    assert run.metrics() == pytest.approx(whole.metrics(), rel=0.02)
    assert different(run, whole, ("lr_schedulers", "random_states", "global_step")) == []
    assert evaluate(run.path) == pytest.approx(validation(run), rel=0.02)
    assert run.provenance()["precision"] == "bf16-mixed"


def test_report_of_a_run_is_drawn(tmp_path: Path) -> None:
    run = executed(tmp_path / "run", *DOTS, GPU, "report=true")
    assert (run.path / "report.html").is_file()
    assert "not drawn" not in run.log_file.read_text()


def test_run_of_a_gpu_opens_and_goes_on_on_the_processor(tmp_path: Path) -> None:
    run = executed(tmp_path / "run", *DOTS, *COMPILED)
    opened = seedbed.load(run.path)
    assert {weight.device.type for weight in opened.net.state_dict().values()} == {"cpu"}
    resume(run.path, ["max_epochs=4", "trainer.accelerator=cpu", "compile=false"])
    assert run.metrics()["step"] > 0
    assert state(run)["global_step"] == 16


@pytest.mark.parametrize("study", STUDIES)
def test_strangers_module_is_trained_and_evaluated(study: str, tmp_path: Path) -> None:
    run = executed_study(tmp_path / "run", study, GPU, "+trainer.limit_train_batches=5")
    assert run.provenance()["device"] == "cuda"
    if study != "stream":  # which has no validation part
        found = evaluate(run.path)
        assert found == {name: run.metrics()[name] for name in found}
    if study in ("manual", "boring"):
        assert len(predict(seedbed.load(run.path), None)) > 1


def test_interrupted_fit_of_a_strangers_module_goes_on_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = executed_study(tmp_path / "whole", "manual", GPU)
    run = prepared_study(tmp_path / "cut", "manual", GPU)
    gone_on_with(run, monkeypatch, Autoencoder, 8)
    names = tuple(name for name in SAVED if name != "running")  # only the frame's tasks keep it
    assert different(run, whole, names) == []


class Drawn(Dataset[torch.Tensor]):
    """Random samples."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.rand(1)


def test_workers_draw_seeded_samples_beside_a_gpu_that_is_in_use() -> None:
    torch.ones(1, device="cuda")  # from here on a forked worker may not touch it

    def epoch(workers: int) -> list[list[float]]:
        dataset = SeededBySample(Drawn(), seed=3)
        loader = ResumableLoader(DataLoader(dataset, 2, num_workers=workers), seed=1)
        return [values.flatten().tolist() for values in loader]

    assert epoch(2) == epoch(0)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_train_as_one_with_the_same_batches(tmp_path: Path) -> None:
    one = executed(tmp_path / "1", *DOTS, GPU)
    two = prepared(tmp_path / "2", *DOTS, "trainer=ddp", "trainer.devices=2", GPU)
    assert together(two) == [0, 0]
    assert (two.provenance()["device"], two.provenance()["processes"]) == ("cuda", 2)
    assert two.metrics() == pytest.approx(one.metrics(), rel=1e-3)
