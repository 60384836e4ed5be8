"""Fits with the lean step beside the same fits with Lightning's own."""

from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from exact import batches, logged, same
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import GradientAccumulationScheduler, StochasticWeightAveraging
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from torch.optim import SGD
from torch.utils.data import DataLoader

from seedbed.config.build import Study, build
from seedbed.config.compose import composed, plain
from seedbed.fast.steps import OF_TASK, TRANSFER, WITHIN

LINE = ("experiment=dots", "data.batch_size=32")
"""Four steps an epoch."""

EPOCHS, STEPS = 3, 12


class Log(Callback):
    """Logs at each batch."""

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


class At(Callback):
    """Does something after the sixth batch, in the middle of the second epoch."""

    def __init__(self, action: Callable[[Trainer], None]) -> None:
        self.action = action

    def on_train_batch_end(self, trainer: Trainer, *others: Any) -> None:
        if trainer.fit_loop.total_batch_idx == 5:
            self.action(trainer)


def state_of(trainer: Trainer) -> dict[str, Any]:
    """All that a checkpoint would have."""
    return deepcopy(trainer._checkpoint_connector.dump_checkpoint(weights_only=False))


class Fit:
    """A fit, ready to start; on request with Lightning's own loop."""

    def __init__(
        self, folder: Path, *overrides: str, epochs: int = EPOCHS, usual: bool = False
    ) -> None:
        settings = [
            *overrides,
            f"max_epochs={epochs}",
            "print_every=1000",
            "logger=csv",
            "log_every=1",
        ]
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.study: Study = build(plain(composed(settings)), folder)
        self.states: list[dict[str, Any]] = []
        trainer = self.study.trainer
        if usual:
            lean = trainer.fit_loop.epoch_loop
            loop = _TrainingEpochLoop(trainer, lean.min_steps, lean.max_steps)
            trainer.fit_loop.epoch_loop = loop

    def run(self, *callbacks: Callback) -> "Fit":
        """Fit; keep the states in the middle and at the end."""
        study = self.study
        midway = At(lambda trainer: self.states.append(state_of(trainer)))
        vars(study.trainer)["callbacks"][:0] = [midway, *callbacks]
        study.trainer.fit(study.task, datamodule=study.datamodule)
        self.states.append(state_of(study.trainer))
        return self

    @property
    def log(self) -> list[dict[str, str]]:
        """What it logged."""
        return logged(self.folder)


@pytest.fixture
def lightnings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batches of those steps that Lightning itself takes."""
    usual, batches = _TrainingEpochLoop.advance, []

    def advance(loop: _TrainingEpochLoop, fetcher: Any) -> None:
        batches.append(loop.batch_progress.total.ready + 1)
        usual(loop, fetcher)

    monkeypatch.setattr(_TrainingEpochLoop, "advance", advance)
    return batches


def assert_same(lean: Fit, usual: Fit) -> None:
    assert len(lean.states) == len(usual.states) == 2
    assert same(lean.states, usual.states)
    assert lean.log == usual.log
    assert batches(lean.folder) == batches(usual.folder) != ""


@pytest.mark.parametrize(
    ("overrides", "lean"),
    [
        (LINE, True),
        ((*LINE, "optimizer=adamw", "scheduler=plateau", "data.input_noise=1", "task.l1=1"), True),
        ((*LINE, "optimizer=muon", "scheduler=cosine", "callbacks=averaging"), True),
        ((*LINE, "check_val_every_n_epoch=null", "val_check_interval=5"), True),
        (("experiment=glyphs", "data.batch_size=200", "net.dropout=0.3"), True),
        ((*LINE, "trainer.accumulate_grad_batches=2"), False),
        ((*LINE, "trainer.gradient_clip_val=1"), False),
        ((*LINE, "trainer.precision=bf16-mixed"), False),
        ((*LINE, "trainer.precision=64-true"), False),
        ((*LINE, "trainer=profile"), False),
    ],
    ids=str,
)
@pytest.mark.parametrize("callbacks", [(), (Log(),)], ids=["quiet", "logging"])
def test_fit_ends_as_with_lightnings_own_loop(
    overrides: tuple[str, ...],
    lean: bool,
    callbacks: tuple[Callback, ...],
    lightnings: list[int],
    tmp_path: Path,
) -> None:
    ours = Fit(tmp_path / "ours", *overrides, epochs=5).run(*callbacks)
    progress = ours.study.trainer.fit_loop.epoch_loop.batch_progress
    assert len(lightnings) == (0 if lean else progress.total.completed)
    assert_same(ours, Fit(tmp_path / "usual", *overrides, epochs=5, usual=True).run(*callbacks))
    if callbacks:
        assert {"start/number", "end/loss_step", "end/loss_epoch"} <= ours.log[-1].keys()


def stop(trainer: Trainer) -> None:
    trainer.should_stop = True


def terminate(trainer: Trainer) -> None:
    trainer._signal_connector.received_sigterm = True


@pytest.mark.parametrize("action", [stop, terminate])
def test_fit_that_is_ended_ends_at_the_same_step(
    action: Callable[[Trainer], None], lightnings: list[int], tmp_path: Path
) -> None:
    fits = [Fit(tmp_path / str(usual), *LINE, usual=usual) for usual in (False, True)]
    for fit in fits:
        with pytest.raises(SystemExit) if action is terminate else nullcontext():
            fit.run(At(action))
        fit.states.append(state_of(fit.study.trainer))
        assert fit.study.trainer.global_step == 6
    assert lightnings == [1, 2, 3, 4, 5, 6]
    assert same(fits[0].states, fits[1].states)


@pytest.mark.parametrize("hook", WITHIN)
def test_callback_within_a_step_is_called(hook: str, lightnings: list[int], tmp_path: Path) -> None:
    calls: list[Any] = []
    callback = Callback()
    setattr(callback, hook, lambda *arguments: calls.append(arguments))
    Fit(tmp_path, *LINE).run(callback)
    assert len(calls) == len(lightnings) == STEPS


def test_hook_that_a_callback_took_away_is_not_called(
    lightnings: list[int], tmp_path: Path
) -> None:
    callback = Log()
    vars(callback)["on_train_batch_end"] = None
    assert "end/step" not in Fit(tmp_path, *LINE).run(callback).log[-1]
    assert not lightnings


@pytest.mark.filterwarnings("ignore:You have overridden")
@pytest.mark.parametrize(
    ("owner", "hook"),
    [
        *(("task", hook) for hook in (*WITHIN, *TRANSFER, *OF_TASK)),
        *(("datamodule", hook) for hook in TRANSFER),
    ],
)
def test_hook_of_ones_own_is_called(
    owner: str, hook: str, lightnings: list[int], tmp_path: Path
) -> None:
    fit = Fit(tmp_path, *LINE)
    study = fit.study
    has_hook: Any = getattr(study, owner)
    if hook == "on_after_batch_transfer":  # Lightning calls the data's, where it has one
        bare = LightningDataModule.on_after_batch_transfer.__get__(study.datamodule)
        vars(study.datamodule)[hook] = bare
    usual = getattr(has_hook, hook)
    calls: list[Any] = []

    def counted(*arguments: Any, **named: Any) -> Any:
        if study.trainer.training:
            calls.append(arguments)
        return usual(*arguments, **named)

    def step(batch: Any) -> Any:  # Lightning looks at its signature
        return counted(batch)

    setattr(has_hook, hook, step if hook == "training_step" else counted)
    fit.run()
    assert len(calls) == len(lightnings) == STEPS


def test_what_changes_within_a_fit_counts_from_the_next_epoch(
    lightnings: list[int], tmp_path: Path
) -> None:
    Fit(tmp_path, *LINE).run(GradientAccumulationScheduler({1: 2, 2: 1}))
    assert lightnings == [5, 6, 7, 8]


def test_what_changes_within_an_epoch_counts_from_the_next_validation(
    lightnings: list[int], tmp_path: Path
) -> None:
    def accumulate(trainer: Trainer) -> None:
        trainer.accumulate_grad_batches = 2

    lengths = ("check_val_every_n_epoch=null", "val_check_interval=7")
    Fit(tmp_path, *LINE, "data.batch_size=10", *lengths, epochs=1).run(At(accumulate))
    assert lightnings == [8, 9, 10]


@pytest.mark.filterwarnings("ignore:.*SWA|Swapping")
def test_schedule_that_a_callback_puts_in_is_moved_as_it_says(
    lightnings: list[int], tmp_path: Path
) -> None:
    ours, usual = (
        Fit(tmp_path / str(usual), *LINE, epochs=5, usual=usual).run(
            StochasticWeightAveraging(0.01, swa_epoch_start=2, annealing_epochs=2)
        )
        for usual in (False, True)
    )
    assert lightnings[0] == 5
    assert_same(ours, usual)


class Own(SGD):
    """Looks at the loss, and leaves it to its closure to enable gradients."""

    @torch.no_grad()
    def step(self, *, closure: Any) -> Any:
        self.param_groups[0]["loss"] = float(closure().numpy())
        for parameter in self.param_groups[0]["params"]:
            parameter.sub_(0.01 * parameter.grad)


class Blind(SGD):
    """Does not ask for gradients."""

    def step(self, closure: Any = None) -> Any:
        return super().step()


def test_optimizer_of_ones_own_gets_lightnings_closure(
    lightnings: list[int], own_module: str, tmp_path: Path
) -> None:
    study = (*LINE, f"optimizer._target_={own_module}.Own")
    ours, usual = (Fit(tmp_path / str(usual), *study, usual=usual).run() for usual in (False, True))
    assert len(lightnings) == STEPS  # the other fit's
    assert_same(ours, usual)


@pytest.mark.parametrize("usual", [False, True])
def test_optimizer_that_asks_for_no_gradients_is_reported(
    usual: bool, own_module: str, tmp_path: Path
) -> None:
    fit = Fit(tmp_path, *LINE, f"optimizer._target_={own_module}.Blind", usual=usual)
    with pytest.raises(MisconfigurationException, match="closure"):
        fit.run()


def test_fit_without_a_datamodule_is_lightnings_own(lightnings: list[int], tmp_path: Path) -> None:
    study = Fit(tmp_path, *LINE).study
    data = study.datamodule
    study.trainer.fit(study.task, data.train_dataloader(), data.val_dataloader())
    assert len(lightnings) == STEPS


def test_batches_of_another_loader_are_lightnings_own(
    lightnings: list[int], tmp_path: Path
) -> None:
    fit = Fit(tmp_path, *LINE)
    batches = [*fit.study.datamodule.train_dataloader()]
    loader = DataLoader(batches, batch_size=None)
    vars(fit.study.datamodule)["train_dataloader"] = lambda: loader
    fit.run()
    assert len(lightnings) == STEPS
