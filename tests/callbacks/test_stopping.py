from pathlib import Path
from typing import Any

import made
import pytest
import torch
from made import rows_of

from seedbed.callbacks.stopping import EarlyStopping, LossTarget, Stopping
from seedbed.config.checks import check
from seedbed.errors import SettingError
from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute

# After two epochs the loss improves by less than 1 at a time.
PATIENT = ["callbacks=early_stopping", "callbacks.early_stopping.patience=3"]
EARLY = [*PATIENT, "callbacks.early_stopping.min_delta=1.0"]


def prepared(folder: Path, *overrides: str) -> RunDirectory:
    return made.prepared(folder, "data.held_out=8", "logger=csv", *overrides)


def validations(run: RunDirectory) -> list[dict[str, str]]:
    """The rows of the fit's own validations."""
    return rows_of(run.path / "metrics.csv", "train/loss")


def last_step(run: RunDirectory) -> int:
    step: int = torch.load(run.last, weights_only=True)["global_step"]
    return step


def reasons(callback: Stopping, *values: float) -> list[bool]:
    return [callback.reason(value) is not None for value in values]


def test_patience_counts_validations_in_a_row_without_a_better_value() -> None:
    callback = EarlyStopping(monitor="val/loss", mode="min", patience=2)
    assert reasons(callback, 3, 4, 2, 2, 2.5) == [False, False, False, False, True]


def test_more_is_better_where_the_mode_is_max() -> None:
    callback = EarlyStopping(monitor="val/accuracy", mode="max", patience=2)
    assert reasons(callback, 0.1, 0.2, 0.2, 0.1) == [False, False, False, True]


def test_value_must_be_better_by_more_than_the_least_difference() -> None:
    callback = EarlyStopping(monitor="val/loss", mode="min", patience=1, min_delta=0.5)
    assert reasons(callback, 3.0, 2.25, 1.75) == [False, False, True]


def test_metric_that_is_not_a_number_is_not_better() -> None:
    callback = EarlyStopping(monitor="val/auroc", mode="max", patience=2)
    assert reasons(callback, 0.5, torch.nan, torch.nan) == [False, False, True]


def test_counting_goes_on_from_a_saved_state() -> None:
    before, after = (EarlyStopping(monitor="val/loss", mode="min", patience=3) for _ in range(2))
    reasons(before, 1, 2, 2)
    after.load_state_dict(before.state_dict())
    assert reasons(after, 2) == [True]


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"min_delta": -1.0}])
def test_impossible_patience_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        EarlyStopping(monitor="val/loss", mode="min", **wrong)


def test_target_is_reached_at_its_value_or_below() -> None:
    assert reasons(LossTarget(value=0.5), 0.6, 0.5, 0.4) == [False, True, True]


def test_fit_ends_after_the_patience_with_its_last_validation_saved(tmp_path: Path) -> None:
    run = prepared(tmp_path / "run", *EARLY)
    metrics = execute(run.path)
    losses = [float(row["val/loss"]) for row in validations(run)]
    steps = [int(row["step"]) for row in validations(run)]
    best = next(k for k in range(len(losses)) if min(losses[k + 1 :]) > losses[k] - 1)
    assert len(losses) == best + 1 + 3 < 100
    assert last_step(run) == steps[-1]
    assert metrics["val/loss"] == min(losses)
    state = torch.load(run.last, weights_only=True)["callbacks"]["EarlyStopping"]
    assert state["waited"] == 3


def test_terminal_says_why_the_fit_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(prepared(tmp_path / "run", *EARLY).path)
    [line] = [line for line in capsys.readouterr().out.splitlines() if "ended" in line]
    assert line.startswith("ended at step ")
    assert "val/loss was no better than" in line
    assert line.endswith("for 3 validations.")


def test_fit_that_ran_to_its_end_says_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(prepared(tmp_path / "run", "callbacks=early_stopping", "max_epochs=2").path)
    assert "ended" not in capsys.readouterr().out


@pytest.mark.parametrize("monitor", ["val/loss", "train/loss"])
def test_fit_ends_at_the_first_validation_at_the_target(monitor: str, tmp_path: Path) -> None:
    target = ["callbacks=loss_target", "callbacks.loss_target.value=4"]
    slow = ["optimizer.lr=0.001", f"callbacks.loss_target.monitor={monitor}"]
    run = prepared(tmp_path / "run", *target, *slow)
    execute(run.path)
    *before, last = [float(row[monitor]) for row in validations(run)]
    assert last <= 4 < min(before)
    assert last_step(run) == int(validations(run)[-1]["step"]) < 100


def test_fit_counted_in_steps_ends_within_an_epoch(tmp_path: Path) -> None:
    steps = ["max_steps=50", "check_val_every_n_epoch=null", "val_check_interval=3"]
    target = ["callbacks=loss_target", "callbacks.loss_target.value=1000"]
    run = prepared(tmp_path / "run", "data.batch_size=10", *steps, *target)
    execute(run.path)
    assert last_step(run) == 3


def test_options_combine(tmp_path: Path) -> None:
    both = ["callbacks=[samples,early_stopping,loss_target]", "callbacks.loss_target.value=1000"]
    run = prepared(tmp_path / "run", *both)
    assert {"samples", "early_stopping", "loss_target", "checkpoints"} <= set(
        run.config()["callbacks"]
    )
    execute(run.path)
    assert last_step(run) == 1


def test_unknown_metric_is_reported_before_anything_runs() -> None:
    wrong = ["callbacks=loss_target", "callbacks.loss_target.monitor=val/los"]
    with pytest.raises(
        SettingError, match=r"loss_target\.monitor=val/los: no such metric; did you"
    ):
        check(made.settings(*wrong))


def test_target_for_what_is_better_when_higher_is_refused() -> None:
    with pytest.raises(ValueError, match="monitor=val/accuracy: expected a loss"):
        LossTarget(monitor="val/accuracy", value=0.5)
