"""LightningModules and DataModules written without Seedbed, under everything that Seedbed does."""

import copy
import csv
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import strangers_modules
import torch
from copied import called, copied, python
from events import interrupt
from exact import same
from fixtures import Command
from lightning import LightningDataModule, LightningModule
from made import weights_of
from omegaconf import open_dict
from strangers_modules import Autoencoder
from strangers_runs import OWN, PACKAGES, STUDIES, composed_study, executed, prepared, settings
from stub_project import PROJECT
from torch.utils.data import TensorDataset

import seedbed
from seedbed.config.checks import check
from seedbed.config.compose import composed, plain
from seedbed.data.base import open_test, seal_test
from seedbed.data.resumable import (
    ResumableLoader,
    SeededBySample,
    make_resumable,
    seed_hooks,
)
from seedbed.errors import DataError, RunError, SettingError, TrainingError
from seedbed.record.directory import RunDirectory
from seedbed.record.run import read_run
from seedbed.runs.evaluate import evaluate
from seedbed.runs.execute import execute

every_study = pytest.mark.parametrize("study", STUDIES)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a configuration name the strangers' classes."""
    monkeypatch.setattr("seedbed.config.targets.own_packages", lambda: PACKAGES)


def validated(run: RunDirectory) -> list[tuple[str, str]]:
    """Step and loss of each validation."""
    rows = csv.DictReader((run.path / "metrics.csv").read_text().splitlines())
    return [(row["step"], row["val_loss"]) for row in rows if row["val_loss"]]


@every_study
def test_strangers_module_is_trained_and_opened(study: str, tmp_path: Path) -> None:
    run = executed(tmp_path / "run", study)
    config = run.config()
    assert [config[g] for g in ("net", "init", "optimizer", "scheduler", "monitor")] == [None] * 5
    opened = seedbed.load(run.path, "last")
    assert type(opened.task).__name__ == STUDIES[study][0].rpartition(".")[2]
    assert opened.step == read_run(run.path).steps == run.metrics()["step"]
    for name, value in opened.net.state_dict().items():
        assert torch.equal(value, weights_of(run.last)[name])


SCHEDULES = "torch.optim.lr_scheduler"
ASSEMBLED = {
    "_target_": f"{OWN}.Assembled",
    "net": {"_target_": "torch.nn.Linear", "in_features": 6, "out_features": 6},
    "optimizer": {"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.1},
    "scheduler": {
        "_target_": f"{SCHEDULES}.ReduceLROnPlateau",
        "_partial_": True,
        "patience": 1,
    },
    "loss": {"_target_": "torch.nn.MSELoss"},
    "shape": [6],
    "metrics": ["mse"],
}
"""As the YAML files of Hydra projects give a module its parts."""


def assembled(folder: Path, *overrides: str, data: str = "Vectors", **task: Any) -> RunDirectory:
    composed = composed_study("manual", *overrides, _target_=f"{OWN}.{data}")
    with open_dict(composed):
        composed.task = ASSEMBLED | task
    config = plain(composed)
    check(config)
    return RunDirectory.create(folder, config)


def test_module_is_assembled_from_the_parts_that_a_configuration_names(tmp_path: Path) -> None:
    run = assembled(tmp_path / "run", "monitor=val_loss")
    execute(run.path)
    opened = seedbed.load(run.path)
    assert isinstance(opened.task.loss, torch.nn.MSELoss)
    assert (opened.task.shape, opened.task.metrics) == ((-1, 6), ["mse"])
    # What is no plain value is in the run's settings, not in its checkpoints.
    saved = torch.load(run.best, weights_only=True)["hyper_parameters"]
    assert saved == {"shape": (6,), "metrics": ["mse"]}


def test_part_that_no_module_may_be_given_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="expected a net, a layer, an optimizer"):
        assembled(tmp_path / "run", net={"_target_": "torch.hub.load", "model": "x"})
    with pytest.raises(SettingError, match="it needs schedulers, which no setting can give"):
        assembled(tmp_path / "run", scheduler={"_target_": f"{SCHEDULES}.SequentialLR"})
    with pytest.raises(SettingError, match=r"task\.optimizer\.params: is required by"):
        assembled(tmp_path / "run", optimizer={"_target_": "torch.optim.SGD"})


@pytest.mark.parametrize("data", ["Vectors", "Pairwise"])
@pytest.mark.parametrize("batch", [4, 5, 8])
def test_fit_that_asked_for_its_length_goes_on_to_the_bit_with_its_plateaus(
    batch: int, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = ASSEMBLED["scheduler"] | {"mode": "max", "patience": 0, "factor": 0.5}
    whole, cut = (
        assembled(tmp_path / name, "max_epochs=3", data=data, scheduler=watching)
        for name in ("whole", "cut")
    )
    execute(whole.path)
    with monkeypatch.context() as patched:
        interrupt(patched, strangers_modules.Assembled, batch)
        with pytest.raises(SystemExit):
            execute(cut.path)
    execute(cut.path)
    assert "cannot restore its place" not in cut.log_file.read_text()
    states = [torch.load(run.last, weights_only=True) for run in (whole, cut)]
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        assert same(*(state[part] for state in states)), part


def test_object_that_a_module_puts_into_its_checkpoints_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(module: Autoencoder, checkpoint: dict[str, Any]) -> None:
        checkpoint["vocabulary"] = Path("words")

    monkeypatch.setattr(Autoencoder, "on_save_checkpoint", save)
    with pytest.raises(TrainingError, match="an object into the checkpoint's vocabulary"):
        executed(tmp_path / "run", "manual")


def without_encoder(weights: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in weights.items() if not name.startswith("encoder.")}


def left_out_of_its_state(module: Autoencoder) -> dict[str, Any]:
    return without_encoder(LightningModule.state_dict(module))


def left_out_of_its_checkpoint(module: Autoencoder, checkpoint: dict[str, Any]) -> None:
    checkpoint["state_dict"] = without_encoder(checkpoint["state_dict"])


@pytest.mark.parametrize(
    ("hook", "by"),
    [("state_dict", left_out_of_its_state), ("on_save_checkpoint", left_out_of_its_checkpoint)],
)
def test_weights_that_a_module_keeps_from_its_checkpoints_are_not_missed(
    hook: str, by: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Autoencoder, "strict_loading", False)
    monkeypatch.setattr(Autoencoder, hook, by)
    run = prepared(tmp_path / "run", "manual")
    with monkeypatch.context() as patched:
        interrupt(patched, Autoencoder, 5)
        with pytest.raises(SystemExit):
            execute(run.path)
    execute(run.path)
    saved = torch.load(run.best, weights_only=True)["state_dict"]
    assert saved
    assert without_encoder(saved) == saved
    opened = seedbed.load(run.path).task
    assert same(without_encoder(LightningModule.state_dict(opened)), saved)


def test_weights_that_a_strict_module_kept_from_its_checkpoint_are_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Autoencoder, "on_save_checkpoint", left_out_of_its_checkpoint)
        patched.setattr(Autoencoder, "strict_loading", False)
        run = executed(tmp_path / "run", "manual")
    with pytest.raises(RunError, match=r"encoder\.\S+ is missing"):
        seedbed.load(run.path)


def test_what_is_logged_of_batches_of_validation_is_on_no_axis_of_the_fit(tmp_path: Path) -> None:
    run = assembled(tmp_path / "run", "max_epochs=1")
    execute(run.path)
    rows = [*csv.DictReader((run.path / "metrics.csv").read_text().splitlines())]
    assert "val_loss_step" not in rows[0]
    assert [row["step"] for row in rows if row["val_loss_epoch"]] == ["0", "5"]


def test_fit_without_a_validation_has_a_line_an_epoch(tmp_path: Path) -> None:
    run = executed(tmp_path / "run", "stream", "max_epochs=2", workers=0)
    said = run.log_file.read_text()
    assert re.findall(r"^\S+ \S+ +(\d+) +0\.\d+", said, re.MULTILINE) == ["12", "24"]


def test_module_with_loaders_and_layers_of_its_own_needs_no_data(
    tmp_path: Path, seedbed: Any
) -> None:
    composed = composed_study("manual", "max_epochs=1", "monitor=val_loss")
    with open_dict(composed):
        composed.task, composed.data = {"_target_": f"{OWN}.Whole"}, None
    config = plain(composed)
    check(config)
    run = RunDirectory.create(tmp_path / "run", config)
    execute(run.path)
    assert evaluate(run.path)["val_loss"] == run.metrics()["val_loss"]
    assert len(seedbed("predict", run.path).out.splitlines()) == 17


def test_what_lightning_has_under_two_names_is_shown_once(tmp_path: Path) -> None:
    run = assembled(tmp_path / "run", "max_epochs=1", "monitor=val_loss")
    execute(run.path)
    said = run.log_file.read_text()
    assert re.search(r"step +val_loss +batches/s", said)
    assert said.count("val_loss_epoch") == 0
    assert "val_loss_epoch" in run.metrics()  # by which a monitor may ask for it
    read = read_run(run.path)
    assert [*read.final] == ["step", "train_loss", "train_loss_step", "val_loss"]
    assert [x for x, _ in read.curve("val_loss", "step")] == [0, 5]


def test_interrupted_fit_shows_the_best_that_it_had(tmp_path: Path) -> None:
    run = assembled(tmp_path / "run", "max_epochs=1", "monitor=val_loss")
    execute(run.path)
    best = run.metrics()["val_loss"]
    run.metrics_file.unlink()
    assert read_run(run.path).figures["val_loss"] == pytest.approx(best)


def test_prediction_by_names_is_written_by_names(tmp_path: Path, seedbed: Any) -> None:
    run = assembled(tmp_path / "run", "max_epochs=1")
    execute(run.path)
    header, first, *rows = seedbed("predict", run.path).out.splitlines()
    outputs = ",".join(f"net_out_{number}" for number in range(6))
    assert header == f"name,sum,{outputs},net_sum,mean,batch"
    assert (first.startswith("0/0,"), first.endswith(",0")) == (True, True)
    assert len(rows) == 9


def test_metrics_keep_the_names_that_the_module_logs_over_batches(tmp_path: Path) -> None:
    run = executed(tmp_path / "run", "manual")
    assert {*run.metrics()} == {"step", "reconstruction", "val_loss", "test_loss"}
    assert [step for step, _ in validated(run)] == ["0", "5", "10", "15"]
    assert evaluate(run.path, split="test")["test_loss"] == run.metrics()["test_loss"]


def test_test_part_of_a_strangers_datamodule_is_sealed_until_it_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = []

    def look(module: Autoencoder) -> None:
        with pytest.raises(DataError, match="The test part is sealed") as refused:
            module.trainer.datamodule.test_dataloader()  # type: ignore[attr-defined]
        refusals.append(refused)

    monkeypatch.setattr(Autoencoder, "on_train_epoch_start", look, raising=False)
    run = executed(tmp_path / "run", "manual", "test=false")
    assert len(refusals) == 3
    with pytest.raises(DataError, match="The test part is sealed"):
        seedbed.load(run.path).datamodule.test_dataloader()
    assert evaluate(run.path, split="test")["test_loss"] > 0


def test_sealed_test_part_that_a_datamodule_was_given_is_back_when_it_is_opened() -> None:
    rows = TensorDataset(torch.zeros(2, 1))
    data = LightningDataModule.from_datasets(rows, test_dataset=rows)
    seal_test(data, Autoencoder())
    with pytest.raises(DataError, match="The test part is sealed"):
        data.test_dataloader()
    open_test(data, Autoencoder())
    assert len(data.test_dataloader()) == 2


def test_test_part_that_a_module_brings_itself_is_sealed_until_it_is_opened() -> None:
    class Whole(Autoencoder):
        def test_dataloader(self) -> list[torch.Tensor]:
            return [torch.zeros(2, 6)]

    data, module = LightningDataModule(), Whole()
    seal_test(data, module)
    with pytest.raises(DataError, match="The test part is sealed"):
        module.test_dataloader()
    open_test(data, module)
    assert len(module.test_dataloader()) == 1


def test_last_line_says_by_what_the_best_checkpoint_was_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = executed(tmp_path / "run", "manual", "monitor=val_loss")
    step = run.metrics()["step"]
    assert f"best checkpoint (the lowest val_loss, step {step:.0f})" in capsys.readouterr().out
    executed(tmp_path / "unmonitored", "manual")
    assert "best checkpoint (the last, step 15)" in capsys.readouterr().out


def test_length_in_steps_counts_batches_where_two_optimizers_step(tmp_path: Path) -> None:
    lengths = ("max_epochs=-1", "max_steps=7")
    run = executed(tmp_path / "run", "manual", *lengths)
    state = torch.load(run.last, weights_only=True)
    assert (state["steps"], state["global_step"]) == (7, 14)
    assert seedbed.load(run.path, "last").step == 7


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        ("optimizer=adam", "optimizer"),
        ("net.hidden=[3]", "net"),
        ("init=normal", "init"),
        ("scheduler=cosine", "scheduler"),
    ],
)
def test_group_that_the_module_brings_itself_is_refused_where_it_is_typed(
    typed: str, named: str
) -> None:
    overrides = ["net=mlp", typed] if named == "net" else [typed]
    with pytest.raises(SettingError, match=f"{named}: .*Autoencoder brings its own; leave out"):
        settings("manual", *overrides)


@pytest.mark.parametrize("typed", ["lr_scale={layer: 0.1}", "compile=true"])
def test_setting_that_means_nothing_to_a_module_that_trains_itself_is_refused(typed: str) -> None:
    with pytest.raises(
        SettingError, match=rf"DictClassifier brings its own; leave out {typed[:5]}"
    ):
        settings("dicts", typed)


def test_strangers_module_begins_with_another_runs_weights_some_of_them_frozen(
    tmp_path: Path,
) -> None:
    before = executed(tmp_path / "before", "dicts", "seed=1")
    after = executed(tmp_path / "after", "dicts", f"weights={before.path}", "freeze=[*.bias]")
    old, new = (
        torch.load(path, weights_only=True)["state_dict"] for path in (before.best, after.last)
    )
    assert torch.equal(old["layer.bias"], new["layer.bias"])
    assert not torch.equal(old["layer.weight"], new["layer.weight"])


def test_frozen_parameter_that_a_strangers_module_has_not_is_refused() -> None:
    with pytest.raises(SettingError, match=r"freeze: layers is the name of no parameter"):
        check(settings("dicts", "freeze=[layers]"))


@pytest.mark.parametrize("callbacks", ["default", "early_stopping"])
def test_monitor_that_is_not_logged_is_refused_with_what_is(callbacks: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"monitor=val/f1: no such metric.*val_loss"):
        executed(tmp_path / "run", "manual", "monitor=val/f1", f"callbacks={callbacks}")
    assert "reconstruction" not in (tmp_path / "run" / "metrics.csv").read_text()  # before a step


def test_best_checkpoint_is_by_the_monitor_and_the_last_without_one(tmp_path: Path) -> None:
    best = executed(tmp_path / "hits", "dicts", "monitor=hits/dataloader_idx_0", "mode=max")
    assert torch.load(best.best, weights_only=True)["steps"] == 5
    last = executed(tmp_path / "last", "dicts")
    assert torch.load(last.best, weights_only=True)["steps"] == 15
    assert "it is the last one" in last.log_file.read_text()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch", [2, 5, 8])
def test_interrupted_fit_of_an_ordinary_loader_goes_on_to_the_bit(
    batch: int, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = executed(tmp_path / "whole", "manual", workers=workers)
    with monkeypatch.context() as patched:
        interrupt(patched, Autoencoder, batch)
        with pytest.raises(SystemExit):
            executed(tmp_path / "cut", "manual", workers=workers)
    cut = RunDirectory(tmp_path / "cut")
    assert cut.state() == "interrupted"
    execute(cut.path)
    assert all(
        torch.equal(value, weights_of(cut.last)[name])
        for name, value in weights_of(whole.last).items()
    )
    assert validated(cut) == validated(whole)


def test_figures_of_an_epoch_that_was_gone_on_with_are_marked_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        interrupt(patched, strangers_modules.DictClassifier, 7)
        with pytest.raises(SystemExit):
            executed(tmp_path / "cut", "dicts")
    run = RunDirectory(tmp_path / "cut")
    metrics = execute(run.path)
    rows = csv.DictReader((run.path / "metrics.csv").read_text().splitlines())
    assert [row["partial"] for row in rows if row["loss"]] == ["", "1.0", ""]
    assert "partial" not in metrics


def test_stream_that_cannot_keep_its_place_says_where_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        interrupt(patched, strangers_modules.Mean, 5)
        with pytest.raises(SystemExit):
            executed(tmp_path / "cut", "stream", workers=0)
    run = RunDirectory(tmp_path / "cut")
    execute(run.path)
    said = run.log_file.read_text()
    assert "Streams cannot restore its place: the epoch continues at batch" in said


@pytest.mark.parametrize("batch", [4, 8, 13])
def test_loader_that_keeps_its_own_place_is_resumed_there(
    batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = executed(tmp_path / "whole", "stream", _target_=f"{OWN}.Counted")
    with monkeypatch.context() as patched:
        interrupt(patched, strangers_modules.Mean, batch)
        with pytest.raises(SystemExit):
            executed(tmp_path / "cut", "stream", _target_=f"{OWN}.Counted")
    run = RunDirectory(tmp_path / "cut")
    execute(run.path)
    assert torch.equal(weights_of(run.last)["value"], weights_of(whole.last)["value"])


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["resume", "max_epochs=4"], "resuming at step 15"),
        (["evaluate"], "val_loss"),
        (["predict"], "output_0,output_1,output_2"),
        (["export", "--format", "safetensors"], "model.safetensors"),
        pytest.param(["export", "--format", "onnx"], "model.onnx", marks=pytest.mark.slow),
        (["reproduce"], "identical"),
        (["runs"], "finished"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_verb_works_on_a_strangers_run(
    words: list[str], shown: str, tmp_path: Path, seedbed: Command
) -> None:
    run = executed(tmp_path / "run", "manual")
    verb, *more = words
    result = seedbed(verb, run.path, *more)
    assert (result.status, shown in result.out + result.err) == (0, True), result


def test_export_to_onnx_without_an_example_is_refused(tmp_path: Path, seedbed: Command) -> None:
    run = executed(tmp_path / "run", "dicts")
    result = seedbed("export", run.path, "--format", "onnx")
    assert (result.status, "has no example_input_array" in result.err) == (1, True)


def test_rows_that_are_divided_without_a_seed_are_the_same_in_each_stage(tmp_path: Path) -> None:
    run = executed(tmp_path / "run", "manual", _target_=f"{OWN}.Divided")
    assert evaluate(run.path)["val_loss"] == run.metrics()["val_loss"]


def test_own_task_trains_on_a_strangers_loader(tmp_path: Path) -> None:
    config = composed(["experiment=none", "net=mlp", "task=regression", "max_epochs=2"])
    with open_dict(config):
        config.data = {"_target_": f"{OWN}.Pairs"}
        config.net.inputs, config.net.outputs = 3, 1
    settings = plain(config)
    check(settings)
    run = RunDirectory.create(tmp_path / "run", settings)
    assert "val/r2" in execute(run.path)


@pytest.mark.slow
def test_two_processes_train_a_strangers_module_together(tmp_path: Path) -> None:
    project = copied(tmp_path / "project")
    (project / "pyproject.toml").write_text(f'[tool.seedbed]\npackages = ["{OWN}"]\n')
    source = Path(strangers_modules.__file__ or "").read_text()
    (project / "src" / f"{OWN}.py").write_text(source)
    for group, target in zip(("task", "data"), STUDIES["manual"], strict=True):
        more = "width: 3\n" if group == "task" else ""
        (project / "conf" / group / "mine.yaml").write_text(f"# Mine.\n_target_: {target}\n{more}")
    run = tmp_path / "run"
    words = ("experiment=none", "task=mine", "data=mine", "max_epochs=2")
    printed = called(
        project, "train.py", *words, "trainer=ddp", "trainer.devices=2", f"hydra.run.dir={run}"
    )
    assert "test_loss" in printed
    swept = called(
        project, "train.py", "-m", *words, "task.width=2,3", "monitor=val_loss",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )  # fmt: skip
    assert "task.width" in swept


def test_samples_that_are_seeded_are_the_same_in_any_worker() -> None:
    class Drawn(torch.utils.data.Dataset[torch.Tensor]):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> torch.Tensor:
            return torch.rand(1)

    def epoch(workers: int, batch: int) -> list[list[float]]:
        loader = ResumableLoader(
            torch.utils.data.DataLoader(
                SeededBySample(Drawn(), seed=3), 2, shuffle=True, num_workers=workers
            ),
            seed=1,
        )
        loader.load_state_dict({"epoch": 0, "batch": batch})
        return [values.flatten().tolist() for values in loader]

    whole = epoch(0, 0)
    assert epoch(0, 2) == epoch(2, 2) == whole[2:]
    assert len({value for values in whole for value in values}) == 8


def test_sample_is_seeded_without_a_look_at_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: object) -> None:
        raise RuntimeError("a worker that was forked has no GPU")

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    for name in ("get_rng_state_all", "set_rng_state_all", "manual_seed_all"):
        monkeypatch.setattr(f"torch.cuda.{name}", look)
    assert SeededBySample([3])[0] == 3


class Draws(LightningDataModule):
    """Rows that each call draws; `collate` is a method of its own."""

    def collate(self, rows: list[torch.Tensor]) -> torch.Tensor:
        return torch.stack(rows)

    def setup(self, stage: str) -> None:
        self.offset = torch.rand(1)

    def train_dataloader(self) -> torch.utils.data.DataLoader[Any]:
        rows = torch.rand(4, 1)
        return torch.utils.data.DataLoader(rows, collate_fn=self.collate)  # type: ignore[arg-type]


def drawing() -> Draws:
    data = Draws()
    seed_hooks(data, seed=1)
    make_resumable(data, Autoencoder(), seed=1)
    return data


def test_datamodule_whose_hooks_are_seeded_is_sent_to_workers_and_copied() -> None:
    data = drawing()
    sent = pickle.loads(pickle.dumps(data.train_dataloader().collate_fn))
    assert torch.equal(sent([torch.zeros(1)]), torch.zeros(1, 1))
    copied = copy.deepcopy(data)
    copied.setup("fit")
    assert (hasattr(copied, "offset"), hasattr(data, "offset")) == (True, False)


def test_loader_that_is_made_anew_each_epoch_draws_other_rows_in_each() -> None:
    def rows(epoch: int, every: int) -> list[float]:
        data = drawing()
        data.trainer = SimpleNamespace(  # type: ignore[assignment]
            current_epoch=epoch, reload_dataloaders_every_n_epochs=every
        )
        return torch.stack([*data.train_dataloader().dataset]).flatten().tolist()

    assert rows(0, 1) != rows(1, 1)
    assert rows(3, 2) == rows(2, 2)  # as where a fit goes on within two epochs
    assert rows(3, 0) == rows(0, 0)


KILLED = """
import os, signal
from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, IterableDataset
from seedbed.data.resumable import ResumableLoader, seed_hooks

class Numbers(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        return index

class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(64))

class Data(LightningDataModule):
    def train_dataloader(self):
        return DataLoader(Stream(), num_workers=1, multiprocessing_context="forkserver")

if __name__ == "__main__":
    loader = DataLoader(Numbers(), num_workers=1, multiprocessing_context="forkserver")
    data = Data()
    seed_hooks(data, seed=1)
    both = iter(ResumableLoader(loader, seed=1)), iter(data.train_dataloader())
    for batches in both:
        next(batches)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_workers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    # Its output is at an end once its workers, which share it, have ended.
    done = subprocess.run([sys.executable, script], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_run_is_started_from_python(tmp_path: Path) -> None:
    opened = seedbed.run(["max_epochs=1", f"hydra.run.dir={tmp_path / 'run'}"])
    assert opened.metrics == RunDirectory(tmp_path / "run").metrics()
    done = python("-c", "import seedbed; seedbed.run(['max_epochs=x'])", cwd=PROJECT)
    assert "max_epochs=x: expected a whole number" in done.stderr
