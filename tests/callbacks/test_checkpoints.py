import errno
import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from lightning import Callback, Trainer
from stubs.data import Dots
from torch import Tensor
from torchmetrics import MetricCollection

from seedbed.callbacks.checkpoints import Checkpoints
from seedbed.errors import SettingError, TrainingError
from seedbed.nets.mlp import MLP
from seedbed.optim.schedules import Constant
from seedbed.record.checkpoint import save
from seedbed.tasks.regression import RegressionTask

LOSSES = [3.0, 1.0, 2.0, 2.5]


every_signal = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])


class Scripted(RegressionTask):
    """Says that its validation losses are `LOSSES`, one an epoch."""

    def compute_metrics(self, metrics: MetricCollection) -> dict[str, Tensor]:
        return {"loss": torch.tensor(LOSSES[self.current_epoch])}


def fit(
    folder: Path,
    *others: Callback,
    mode: Literal["min", "max"] = "min",
    steps_an_epoch: int = 1,
    validations: int | None = None,
    trainer_options: dict[str, Any] | None = None,
    **options: Any,
) -> Checkpoints:
    """Fit an epoch for each of the losses."""
    options = {"monitor": "val/loss", "every_seconds": 1000.0} | options
    folder.mkdir(exist_ok=True)
    callback = Checkpoints(directory=str(folder), mode=mode, **options)
    task = Scripted(
        MLP(inputs=1, outputs=1),
        optimizer=lambda net: torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9),
        scheduler=Constant,
    )
    trainer = Trainer(
        default_root_dir=folder,
        accelerator="cpu",
        max_epochs=len(LOSSES),
        limit_val_batches=validations,
        callbacks=[callback, *others],
        logger=False,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        inference_mode=False,
        log_every_n_steps=1,
        **(trainer_options or {}),
    )
    trainer.fit(task, datamodule=Dots(points=8, held_out=8, batch_size=8 // steps_an_epoch))
    return callback


class Signals(Callback):
    """Sends a signal to this process at a hook of the fit."""

    def __init__(self, hook: str, *, number: int = signal.SIGINT, times: int = 1) -> None:
        self._number = number
        self._left = times
        setattr(self, hook, self._send)

    def _send(self, *arguments: Any) -> None:
        while self._left:
            self._left -= 1
            signal.raise_signal(self._number)


def load(folder: Path, name: str) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / "checkpoints" / name, weights_only=True)
    return state


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from texts(pair)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted")
    fit(folder)
    return folder


def test_best_is_the_step_of_the_lowest_value_where_less_is_better(fitted: Path) -> None:
    best = load(fitted, "best.ckpt")
    assert (best["global_step"], best["metrics"]["val/loss"]) == (2, 1.0)


def test_best_is_the_step_of_the_highest_value_where_more_is_better(tmp_path: Path) -> None:
    fit(tmp_path, mode="max")
    best = load(tmp_path, "best.ckpt")
    assert (best["global_step"], best["metrics"]["val/loss"]) == (1, 3.0)


def test_last_is_the_fits_last_step(fitted: Path) -> None:
    assert load(fitted, "last.ckpt")["global_step"] == len(LOSSES)


def test_best_holds_the_weights_of_its_own_step(fitted: Path) -> None:
    best, last = load(fitted, "best.ckpt")["state_dict"], load(fitted, "last.ckpt")["state_dict"]
    assert not torch.equal(best["net.head.weight"], last["net.head.weight"])


def test_best_score_is_restored_with_the_fit(fitted: Path) -> None:
    callback = Checkpoints(directory=str(fitted), monitor="val/loss", mode="min")
    callback.load_state_dict(load(fitted, "last.ckpt")["callbacks"][callback.state_key])
    assert callback.best_score == 1.0


def test_best_score_is_forgotten_where_its_checkpoint_is_gone(fitted: Path, tmp_path: Path) -> None:
    callback = Checkpoints(directory=str(tmp_path), monitor="val/loss", mode="min")
    callback.load_state_dict(load(fitted, "last.ckpt")["callbacks"][callback.state_key])
    assert callback.best_score == math.inf


def test_checkpoint_knows_no_path_so_that_its_run_can_be_moved(fitted: Path) -> None:
    for name in ("best.ckpt", "last.ckpt"):
        assert not any(fitted.name in text for text in texts(load(fitted, name)))


def test_folder_holds_the_two_checkpoints_and_nothing_else(fitted: Path) -> None:
    names = sorted(path.name for path in (fitted / "checkpoints").iterdir())
    assert names == ["best.ckpt", "last.ckpt"]


def test_fit_writes_no_oftener_than_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, written = torch.save, []
    monkeypatch.setattr(torch, "save", lambda state, file: (written.append(0), save(state, file)))
    fit(tmp_path)
    assert len(written) == 2


def test_fit_writes_at_each_validation_where_no_time_must_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, steps = torch.save, []

    def noting(state: dict[str, Any], file: Any) -> None:
        steps.append(state["global_step"])
        save(state, file)

    monkeypatch.setattr(torch, "save", noting)
    fit(tmp_path, every_seconds=0.0)
    assert set(steps) == {1, 2, 3, 4}


def test_write_cut_short_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = torch.save

    def full_disk(state: dict[str, Any], file: Any) -> None:
        if state["global_step"] < 3:
            save(state, file)
        else:
            file.write(b"half a checkpoint")
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        fit(tmp_path, every_seconds=0.0)
    assert load(tmp_path, "last.ckpt")["global_step"] == 2
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["best.ckpt", "last.ckpt"]


def test_unknown_metric_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as caught:
        fit(tmp_path, monitor="val/los")
    assert str(caught.value) == "monitor=val/los: no such metric. This task logs val/loss."


@pytest.mark.parametrize(
    ("every_epochs", "interval"),
    [(3, 1.0), (None, 3), (None, 5)],
    ids=["epochs", "steps", "steps beyond the end"],
)
def test_last_step_is_validated_where_the_fit_ends_by_its_epochs(
    every_epochs: int | None, interval: float, tmp_path: Path
) -> None:
    seen: list[int] = []

    class Seen(Callback):
        def on_validation_end(self, trainer: Trainer, *arguments: Any) -> None:
            seen.append(trainer.global_step)

    counting = {"check_val_every_n_epoch": every_epochs, "val_check_interval": interval}
    fit(tmp_path, Seen(), trainer_options=counting)
    assert seen == [step for step in range(1, 4) if step % (every_epochs or interval) == 0] + [4]
    assert load(tmp_path, "last.ckpt")["metrics"]["val/loss"] == LOSSES[-1]


def test_fit_without_a_validation_has_its_last_state_for_its_best(tmp_path: Path) -> None:
    fit(tmp_path, validations=0)
    assert load(tmp_path, "best.ckpt")["global_step"] == len(LOSSES)


class Failing(Callback):
    """Fails in the third epoch."""

    def on_train_batch_start(self, trainer: Trainer, *arguments: Any) -> None:
        if trainer.global_step == 2:
            raise TrainingError("diverged")


def test_fit_that_fails_leaves_its_best(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="diverged"):
        fit(tmp_path, Failing())
    assert load(tmp_path, "best.ckpt")["global_step"] == 2


@every_signal
def test_signal_has_its_usual_meaning_after_the_fit(number: int, tmp_path: Path) -> None:
    usual = signal.getsignal(number)
    fit(tmp_path / "whole")
    assert signal.getsignal(number) is usual
    with pytest.raises(SystemExit):
        fit(tmp_path / "interrupted", Signals("on_train_batch_start", number=number))
    assert signal.getsignal(number) is usual


@every_signal
@pytest.mark.parametrize(
    ("hook", "step"),
    [
        ("on_train_batch_start", 1),
        ("on_train_batch_end", 1),
        ("on_validation_start", 2),
        ("on_train_end", 8),
    ],
)
def test_signal_saves_at_the_end_of_the_step_and_of_its_validation(
    tmp_path: Path, hook: str, step: int, number: int
) -> None:
    with pytest.raises(SystemExit) as caught:
        fit(tmp_path, Signals(hook, number=number), steps_an_epoch=2)
    assert caught.value.code == 128 + number
    assert load(tmp_path, "last.ckpt")["global_step"] == step


def test_signal_waits_where_gradients_are_gathered(tmp_path: Path) -> None:
    gathering = {"accumulate_grad_batches": 3}
    with pytest.raises(SystemExit):
        fit(tmp_path, Signals("on_train_batch_start"), steps_an_epoch=4, trainer_options=gathering)
    assert load(tmp_path, "last.ckpt")["global_step"] == 1


def test_signal_waits_for_the_next_validation_where_the_epoch_has_none(tmp_path: Path) -> None:
    seldom = {"check_val_every_n_epoch": 3}
    with pytest.raises(SystemExit):
        fit(tmp_path, Signals("on_train_batch_start"), trainer_options=seldom)
    assert load(tmp_path, "last.ckpt")["global_step"] == 3


def test_signal_while_a_checkpoint_is_written_waits_for_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process, which has not had it yet, goes on to the next step."""

    def written(state: dict[str, Any], file: Path) -> None:
        save(state, file)
        if file.name == "last.ckpt" and state["global_step"] == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("seedbed.callbacks.checkpoints.save", written)
    with pytest.raises(SystemExit):
        fit(tmp_path, steps_an_epoch=4, every_seconds=0.0)
    assert load(tmp_path, "last.ckpt")["global_step"] == 2


def test_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)  # also where started with &
    try:
        with pytest.raises(SystemExit):
            fit(tmp_path, Signals("on_train_batch_start", times=2))
    finally:
        signal.signal(signal.SIGINT, usual)
    assert not (tmp_path / "checkpoints").exists()
