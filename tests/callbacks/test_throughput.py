import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from made import executed
from torch import nn

from seedbed.callbacks.throughput import Throughput
from seedbed.tasks.language import LanguageTask

Wait = Callable[[float], None]


class Recorder(LanguageTask):
    """A task outside any fit that keeps what is logged of how fast it goes."""

    def __init__(self) -> None:
        super().__init__(nn.Identity(), optimizer=None, scheduler=None)  # type: ignore[arg-type]
        self.logged: dict[str, float] = {}

    def log(self, name: str, value: Any, **options: Any) -> None:  # type: ignore[override]
        if name.startswith("throughput/"):
            self.logged[name] = value


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Let time pass without waiting for it."""
    clock = [1000.0]

    def pass_by(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    return pass_by


def train(callback: Throughput, task: Recorder, wait: Wait, *, tokens: int, seconds: float) -> None:
    callback.on_train_batch_start(None, task, None, 0)  # type: ignore[arg-type]
    wait(seconds)
    task.examples += tokens


def validate(callback: Throughput, task: Recorder, wait: Wait, *, seconds: float) -> None:
    callback.on_validation_start(None, task)  # type: ignore[arg-type]
    wait(seconds)
    callback.on_validation_epoch_end(None, task)  # type: ignore[arg-type]
    task.examples = 0  # as the task does after each validation


def test_figure_is_the_tokens_trained_on_in_a_second(wait: Wait) -> None:
    callback, task = Throughput(), Recorder()
    train(callback, task, wait, tokens=300, seconds=1.0)
    train(callback, task, wait, tokens=300, seconds=2.0)
    validate(callback, task, wait, seconds=0.0)
    assert task.logged == {"throughput/tokens_per_second": 200.0}


def test_work_that_an_accelerator_still_has_queued_counts(
    wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback, task = Throughput(), Recorder()
    monkeypatch.setattr(Recorder, "device", torch.device("cuda", 1))
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda device: wait(device.index))
    train(callback, task, wait, tokens=100, seconds=1.0)
    validate(callback, task, wait, seconds=0.0)
    assert task.logged == {"throughput/tokens_per_second": 50.0}


def test_slow_validation_does_not_lower_the_figure(wait: Wait) -> None:
    callback, task = Throughput(), Recorder()
    for _ in range(2):
        train(callback, task, wait, tokens=100, seconds=1.0)
        validate(callback, task, wait, seconds=50.0)
        assert task.logged == {"throughput/tokens_per_second": 100.0}


def test_figure_covers_only_what_came_after_the_last_validation(wait: Wait) -> None:
    callback, task = Throughput(), Recorder()
    train(callback, task, wait, tokens=100, seconds=1.0)
    validate(callback, task, wait, seconds=0.0)
    train(callback, task, wait, tokens=100, seconds=4.0)
    validate(callback, task, wait, seconds=0.0)
    assert task.logged == {"throughput/tokens_per_second": 25.0}


def test_tokens_of_an_interrupted_fit_do_not_count_for_the_resumed_one(wait: Wait) -> None:
    callback, task = Throughput(), Recorder()
    task.examples = 900
    train(callback, task, wait, tokens=100, seconds=1.0)
    validate(callback, task, wait, seconds=0.0)
    assert task.logged == {"throughput/tokens_per_second": 100.0}


def test_validation_before_the_fit_logs_no_figure(wait: Wait) -> None:
    callback, task = Throughput(), Recorder()
    validate(callback, task, wait, seconds=1.0)
    assert task.logged == {}


def test_each_validation_of_a_fit_logs_the_figure_in_the_tasks_unit(tmp_path: Path) -> None:
    executed(tmp_path, "max_epochs=3", "data.held_out=8")
    header, first, *fit, test = (tmp_path / "metrics.csv").read_text().splitlines()
    column = header.split(",").index("throughput/rows_per_second")
    assert [first.split(",")[column], test.split(",")[column]] == ["", ""]
    assert [float(row.split(",")[column]) > 0 for row in fit] == [True] * 3
