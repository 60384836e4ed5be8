"""Fits with the lean step beside the same fits with Lightning's own."""

import csv
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from exact import same
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler

from seedbed import steps
from seedbed.build import Study, build
from seedbed.compose import composed, plain
from seedbed.steps import OF_TASK, TRANSFER, WITHIN, is_lean

LINE = ("experiment=line", "data.batch_size=32")
"""Four steps an epoch."""

EPOCHS, STEPS = 3, 12


def state_of(trainer: Trainer) -> dict[str, Any]:
    """All that a checkpoint would have."""
    return deepcopy(trainer._checkpoint_connector.dump_checkpoint(weights_only=False))


class Watch(Callback):
    """Logs at each batch; keeps whether its step was a lean one, and the state after the second."""

    def __init__(self) -> None:
        self.lean: list[bool] = []
        self.states: list[dict[str, Any]] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        pl_module.log("start/number", float(batch_idx))

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        pl_module.log("end/loss", outputs["loss"], on_step=True, on_epoch=True)
        pl_module.log("end/step", float(trainer.global_step))
        self.lean.append(trainer.fit_loop.epoch_loop._lean)  # type: ignore[attr-defined]
        if len(self.lean) == 2:
            self.states.append(state_of(trainer))


class Fit:
    """A fit, ready to start."""

    def __init__(self, folder: Path, *overrides: str, epochs: int = EPOCHS) -> None:
        settings = [*overrides, f"max_epochs={epochs}", "print_every=1000", "logger=csv"]
        self.folder = folder
        self.study: Study = build(plain(composed(settings)), folder)
        self.watch = Watch()

    def run(self, *callbacks: Callback) -> "Fit":
        study = self.study
        vars(study.trainer)["callbacks"][:0] = [self.watch, *callbacks]
        study.trainer.fit(study.task, datamodule=study.datamodule)
        self.watch.states.append(state_of(study.trainer))
        return self

    @property
    def log(self) -> list[dict[str, str]]:
        """All that was logged, but for how fast it went."""
        with (self.folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
            return [
                {name: row[name] for name in row if not name.startswith("throughput/")}
                for row in csv.DictReader(file)
            ]


@pytest.mark.parametrize(
    "overrides",
    [
        LINE,
        (*LINE, "optimizer=adamw", "scheduler=plateau", "data.input_noise=0.1", "task.l1=0.01"),
        (*LINE, "optimizer=muon", "scheduler=cosine", "callbacks=averaging"),
        (*LINE, "data.batch_size=full", "optimizer=random_search"),
        (*LINE, "check_val_every_n_epoch=null", "val_check_interval=5"),
        ("experiment=mnist", "data=digits", "data.batch_size=200", "net.dropout=0.3"),
    ],
    ids=" ".join,
)
def test_lean_fit_ends_as_lightnings_own(
    overrides: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lean = Fit(tmp_path / "lean", *overrides).run()
    monkeypatch.setattr(steps, "is_lean", lambda _: False)
    usual = Fit(tmp_path / "usual", *overrides).run()
    assert all(lean.watch.lean)
    assert not any(usual.watch.lean)
    assert len(lean.watch.states) == 2
    assert same(lean.watch.states, usual.watch.states)
    assert lean.log == usual.log
    assert {"start/number", "end/loss_step", "end/loss_epoch"} <= lean.log[-1].keys()


@pytest.mark.parametrize(
    "setting",
    [
        "trainer.gradient_clip_val=1",
        "trainer.accumulate_grad_batches=2",
        "trainer.precision=bf16-mixed",
        "trainer=profile",
    ],
)
def test_what_a_lean_step_cannot_do_is_done_by_lightnings(setting: str, tmp_path: Path) -> None:
    watch = Fit(tmp_path, *LINE, setting).run().watch
    assert watch.lean == [False] * STEPS


@pytest.mark.parametrize("hook", WITHIN)
def test_callback_within_a_step_is_called(hook: str, tmp_path: Path) -> None:
    calls: list[Any] = []
    callback = Callback()
    setattr(callback, hook, lambda *arguments: calls.append(arguments))
    assert not any(Fit(tmp_path, *LINE).run(callback).watch.lean)
    assert len(calls) == STEPS


@pytest.mark.parametrize("hook", [*WITHIN, *OF_TASK[1:]])  # the first is the data's own
def test_hook_of_a_task_is_called(hook: str, tmp_path: Path) -> None:
    fit = Fit(tmp_path, *LINE)
    task = fit.study.task
    calls: list[Any] = []
    usual = getattr(task, hook)

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(arguments)
        return usual(*arguments, **named)

    def step(batch: Any) -> Any:  # Lightning looks at its signature
        return counted(batch)

    setattr(task, hook, step if hook == "training_step" else counted)
    assert not any(fit.run().watch.lean)
    assert len(calls) == (1 if hook == "configure_optimizers" else STEPS)


@pytest.mark.parametrize("hook", TRANSFER)
def test_transfer_of_the_datas_own_is_called(hook: str, tmp_path: Path) -> None:
    fit = Fit(tmp_path, *LINE)
    training: list[bool] = []

    def counted(batch: Any, *others: Any) -> Any:
        training.append(fit.study.trainer.training)
        return batch

    setattr(fit.study.datamodule, hook, counted)
    assert not any(fit.run().watch.lean)
    assert sum(training) == STEPS


def test_each_epoch_is_looked_at_anew(tmp_path: Path) -> None:
    watch = Fit(tmp_path, *LINE, epochs=2).run(GradientAccumulationScheduler({1: 2})).watch
    assert watch.lean == [True] * 4 + [False] * 4


def test_fit_without_a_datamodule_is_lightnings_own(tmp_path: Path) -> None:
    fit = Fit(tmp_path, *LINE)
    study, data = fit.study, fit.study.datamodule
    vars(study.trainer)["callbacks"].insert(0, fit.watch)
    study.trainer.fit(study.task, data.train_dataloader(), data.val_dataloader())
    assert not is_lean(study.trainer)
    assert fit.watch.lean == [False] * STEPS
