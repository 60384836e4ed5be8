import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import made
import pytest
import torch
import yaml
from filelock import FileLock
from made import copy_of, rows_of
from stubs.data import Dots
from torch.nn import functional as F

from seedbed.callbacks.progress import ProgressLines
from seedbed.errors import DataError, RunError, SettingError, TrainingError
from seedbed.nets.mlp import MLP
from seedbed.record.directory import RunDirectory
from seedbed.runs import execute as module
from seedbed.runs.execute import execute
from seedbed.tasks.regression import RegressionTask

PLAIN = (dict, OrderedDict, list, tuple, str, int, float, bool, type(None), torch.Tensor)


def prepared(folder: Path, *overrides: str) -> RunDirectory:
    """A run of the line that nobody has executed yet."""
    return made.prepared(folder, "max_epochs=10", "data.held_out=50", "logger=csv", *overrides)


def rows(run: RunDirectory, column: str) -> list[dict[str, str]]:
    """The rows of metrics.csv that have a value in a column."""
    return rows_of(run.path / "metrics.csv", column)


def parts(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, dict):
        for pair in value.items():
            yield from parts(pair)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts(item)


def started(run: RunDirectory) -> subprocess.Popen[str]:
    """`seedbed execute` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "seedbed", "execute", str(run.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    limit = time.monotonic() + 120
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.05)


def logged(run: RunDirectory, text: str) -> bool:
    return run.log_file.exists() and text in run.log_file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    # Small batches make the loss go up and down, so that the best is not the last.
    overrides = ["data.batch_size=4", "optimizer.lr=0.01", "seed=1"]
    run = prepared(tmp_path_factory.mktemp("finished") / "run", *overrides)
    execute(run.path)
    return run


@dataclass
class Killed:
    """A run whose process was killed, and the refusal that a second process got before."""

    run: RunDirectory
    pid: int
    refusal: str


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    endless = ["max_epochs=1000000", "callbacks.checkpoints.every_seconds=1000000"]
    run = prepared(tmp_path_factory.mktemp("killed") / "run", *endless)
    process = started(run)
    try:
        wait_until(lambda: logged(run, "val/loss"), process)
        with pytest.raises(RunError) as caught:
            execute(run.path)
    finally:
        process.kill()
        process.communicate()
    return Killed(run, process.pid, str(caught.value))


def test_run_is_marked_finished(finished: RunDirectory) -> None:
    status = finished.status()
    assert (status["state"], status["pid"]) == ("finished", os.getpid())
    assert status["started"] <= status["ended"]


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt"])
def test_checkpoint_holds_plain_types_only(finished: RunDirectory, name: str) -> None:
    state = torch.load(finished.checkpoints / name, weights_only=True)
    assert {type(part) for part in parts(state)} <= set(PLAIN)


def test_metrics_are_those_of_the_best_validation(finished: RunDirectory) -> None:
    figures = [{name: row[name] for name in row} for row in rows(finished, "train/loss")]
    best = min(figures, key=lambda row: float(row["val/loss"]))
    assert best is not figures[-1]
    for name in ("train/loss", "val/loss", "val/mae", "val/r2"):
        assert finished.metrics()[name] == float(best[name])


def test_test_metrics_are_the_best_checkpoints(finished: RunDirectory) -> None:
    weights = torch.load(finished.best, weights_only=True)["state_dict"]
    net = MLP(inputs=1, outputs=1)
    net.load_state_dict({name.removeprefix("net."): value for name, value in weights.items()})
    inputs, targets = Dots(held_out=50).splits.test
    with torch.no_grad():
        errors = net(inputs) - targets
    assert finished.metrics()["test/loss"] == pytest.approx(float(errors.square().mean()))
    assert finished.metrics()["test/mae"] == pytest.approx(float(errors.abs().mean()))


def test_first_row_is_the_loss_of_the_initial_weights(finished: RunDirectory) -> None:
    first = rows(finished, "val/loss")[0]
    torch.manual_seed(1)
    inputs, targets = Dots(held_out=50).splits.val
    with torch.no_grad():
        expected = F.mse_loss(MLP(inputs=1, outputs=1)(inputs), targets)
    assert float(first["val/loss"]) == pytest.approx(float(expected))
    assert first["train/loss"] == ""


def test_same_configuration_gives_the_same_metrics(finished: RunDirectory, tmp_path: Path) -> None:
    again = RunDirectory.create(tmp_path, finished.config())
    assert execute(again.path) == finished.metrics()


def test_another_seed_gives_other_metrics(finished: RunDirectory, tmp_path: Path) -> None:
    config = finished.config() | {"seed": 2}
    assert execute(RunDirectory.create(tmp_path, config).path) != finished.metrics()


@pytest.mark.slow
def test_command_to_go_on_works_as_it_is_printed(finished: RunDirectory, tmp_path: Path) -> None:
    run = copy_of(finished, tmp_path / "a run (moved)")
    done = subprocess.run(
        run.resume_command, shell=True, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == f"{run.path} has finished; metrics.json has its metrics.\n"


def test_run_killed_after_its_fit_is_only_tested_when_executed_again(
    finished: RunDirectory, tmp_path: Path
) -> None:
    run = copy_of(finished, tmp_path / "killed")
    run.metrics_file.unlink()
    run.set_status("running")
    assert execute(run.path) == finished.metrics()
    log = "metrics.csv"
    assert (run.path / log).read_text() == (finished.path / log).read_text()


def test_run_that_goes_on_keeps_its_record_and_notes_the_start(
    finished: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = copy_of(finished, tmp_path / "killed")
    run.set_status("running")
    monkeypatch.setattr(sys, "orig_argv", ["python", "later"])
    execute(run.path)
    found = run.provenance()
    [start] = found.pop("resumed")
    assert found == finished.provenance()
    assert start["command"] == [sys.executable, "later"]


def test_directory_holds_one_run_only(finished: RunDirectory) -> None:
    with pytest.raises(RunError, match="already holds a run"):
        RunDirectory.create(finished.path, {})


def test_run_from_elsewhere_cannot_name_other_code(tmp_path: Path) -> None:
    run = prepared(tmp_path)
    config = run.config()
    config["net"]["_target_"] = "os.system"
    run.config_file.write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(SettingError, match=r"os\.system may not be constructed here"):
        execute(run.path)
    assert not run.status()


def test_configuration_edited_by_hand_is_checked_as_a_command_line_is(tmp_path: Path) -> None:
    run = prepared(tmp_path)
    config = run.config() | {"seed": "abc"}
    config["optimizer"]["lrr"] = config["optimizer"].pop("lr")
    run.config_file.write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(SettingError) as caught:
        execute(run.path)
    assert "seed=abc: expected a whole number, got a text." in str(caught.value)
    assert "optimizer.lrr: no such setting; did you mean lr?" in str(caught.value)
    assert not run.status()


def test_settings_are_checked_again_only_where_they_are_others_than_those_checked(
    tmp_path: Path,
) -> None:
    run = prepared(tmp_path, "max_epochs=1")
    checked = run.config()
    run.set_config(changed := checked | {"tags": 5})
    with pytest.raises(SettingError, match="tags=5: expected"):
        execute(run.path, checked=checked)
    assert execute(run.path, checked=changed)


def test_second_process_is_refused_and_names_the_first(killed: Killed) -> None:
    assert f"is in use by process {killed.pid} on " in killed.refusal


def test_killed_process_leaves_the_run_free(killed: Killed) -> None:
    assert killed.run.status()["state"] == "running"
    with killed.run.claimed():
        pass


def test_run_killed_before_its_first_checkpoint_begins_its_log_anew(
    killed: Killed, tmp_path: Path
) -> None:
    run = copy_of(killed.run, tmp_path / "copy")
    assert not run.last.exists()
    run.config_file.write_text(
        yaml.safe_dump(prepared(tmp_path / "other").config()), encoding="utf-8"
    )
    execute(run.path)
    assert [int(row["step"]) for row in rows(run, "train/loss")] == list(range(1, 11))
    assert len(rows(run, "val/loss")) == 11


def test_claim_is_exclusive_within_a_process_too(tmp_path: Path) -> None:
    run = prepared(tmp_path)
    with run.claimed(), pytest.raises(RunError, match="is in use"), run.claimed():
        pass


def test_run_in_a_folder_that_may_not_be_written_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared(tmp_path)

    def acquire(lock: FileLock, **more: Any) -> None:  # not by a mode, which root may ignore
        raise PermissionError(errno.EACCES, "Permission denied", lock.lock_file)

    monkeypatch.setattr(FileLock, "acquire", acquire)
    with pytest.raises(RunError, match=r"cannot be written \(Permission denied\)"):
        execute(run.path)


def test_run_whose_folder_is_removed_meanwhile_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared(tmp_path)
    monkeypatch.setattr(
        ProgressLines, "on_train_start", lambda *_: shutil.rmtree(run.path, ignore_errors=True)
    )
    with pytest.raises(TrainingError, match=r"has been removed, and the run with it\.$"):
        execute(run.path)
    assert not run.config_file.exists()


def test_run_whose_folder_is_closed_meanwhile_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared(tmp_path)

    def closed(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", os.fsencode(run.last))

    monkeypatch.setattr(ProgressLines, "on_train_start", closed)
    with pytest.raises(TrainingError, match=r"cannot be written \(Permission denied\).*go on: "):
        execute(run.path)
    assert run.status()["state"] == "failed"


def test_diverged_run_is_marked_failed_and_its_log_says_why(tmp_path: Path) -> None:
    run = prepared(tmp_path, "optimizer.lr=1e6", "max_epochs=50")
    with pytest.raises(TrainingError) as caught:
        execute(run.path)
    assert run.status()["state"] == "failed"
    assert run.status()["error"] == str(caught.value)
    assert logged(run, str(caught.value))
    assert not logged(run, "Traceback")
    assert not run.metrics_file.exists()


def test_last_step_is_validated_even_where_no_validation_is_due(tmp_path: Path) -> None:
    run = prepared(tmp_path, "data.batch_size=10", "max_steps=3")
    assert {"train/loss", "val/loss", "test/loss"} <= set(execute(run.path))
    assert torch.load(run.best, weights_only=True)["global_step"] == 3
    assert "partial" not in run.log_file.read_text()


def test_run_of_a_part_of_the_data_says_so_at_its_end(tmp_path: Path) -> None:
    run = prepared(tmp_path, "data.batch_size=10", "max_steps=3", "+trainer.limit_test_batches=1")
    execute(run.path)
    said = "partial: on a part of the data alone, by trainer.limit_test_batches=1\n"
    assert said in run.log_file.read_text()


def test_run_that_failed_at_its_data_can_be_executed_again(tmp_path: Path) -> None:
    text = tmp_path / "poems.txt"
    study = ["data=text", f"data.path={text}", "net=gpt", "net.depth=1", "task=language"]
    tiny = ["data.context=8", "data.batch_size=2", "max_steps=1", "logger=csv"]
    run = made.prepared(tmp_path / "run", *study, *tiny)
    with pytest.raises(DataError, match=r"poems\.txt: cannot be read"):
        execute(run.path)
    text.write_text("\n\n".join(f"{n}千山鳥飛絕，萬徑人蹤滅。" for n in range(40)))
    execute(run.path)
    assert run.status()["state"] == "finished"
    assert "error" not in run.status()


def test_bug_is_marked_with_its_kind_and_its_trace_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> None:
        raise KeyError("no such thing")

    monkeypatch.setattr(module, "build", broken)
    run = prepared(tmp_path)
    with pytest.raises(KeyError):
        execute(run.path)
    assert run.status()["error"] == "KeyError: 'no such thing'"
    assert logged(run, "Traceback (most recent call last)")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lr=-1", "torch.optim.SGD: Invalid learning rate: -1"),
        ("net.dropout=2", "seedbed.nets.mlp.MLP: dropout probability has to be"),
        ("trainer.accelerator=abacus", "trainer.accelerator=abacus: expected auto or cpu"),
    ],
)
def test_value_that_a_constructor_refuses_is_a_wrong_setting(
    override: str, message: str, tmp_path: Path
) -> None:
    run = prepared(tmp_path, override)
    with pytest.raises(SettingError) as caught:
        execute(run.path)
    assert str(caught.value).startswith(message)


def test_provenance_is_enough_to_tell_two_runs_apart(finished: RunDirectory) -> None:
    found = json.loads(finished.provenance_file.read_text(encoding="utf-8"))
    assert found["seed"] == 1
    assert found["precision"] == "32-true"
    assert found["versions"]["torch"] == torch.__version__.split("+")[0]
    assert found["data"] == {"source": "drawn", "train": 100}


@pytest.mark.parametrize(
    "step",
    [14, 19, 20],
    ids=["within an epoch", "where a validation is due", "at the start of an epoch"],
)
@pytest.mark.parametrize(
    "more",
    [[], ["trainer.accumulate_grad_batches=2"], ["callbacks=averaging"]],
    ids=["as usual", "two batches a step", "averaged weights"],
)
def test_interrupted_run_ends_as_if_it_had_not_been(
    step: int, more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = ["data.batch_size=5", "max_epochs=3", "optimizer=adamw", "optimizer.lr=0.01", *more]
    whole = prepared(tmp_path / "whole", *overrides)
    expected = execute(whole.path)

    original, calls = RegressionTask.training_step, []

    def interrupted(task: RegressionTask, batch: Any) -> torch.Tensor:
        calls.append(batch)
        if len(calls) == step + 1:
            signal.raise_signal(signal.SIGINT)
        return original(task, batch)

    monkeypatch.setattr(RegressionTask, "training_step", interrupted)
    run = prepared(tmp_path / "run", *overrides)
    with pytest.raises(SystemExit):
        execute(run.path)
    assert len(calls) < 60
    assert execute(run.path) == expected
    assert len(calls) == 60
    for column in ("train/loss", "val/loss"):
        values, wanted = rows(run, column), rows(whole, column)
        assert [(r["step"], r[column]) for r in values] == [(r["step"], r[column]) for r in wanted]
    last, wanted = (torch.load(r.last, weights_only=True) for r in (run, whole))
    for weights in ("state_dict", "current_model_state"):
        assert all(torch.equal(last[weights][k], x) for k, x in wanted.get(weights, {}).items())


def test_run_that_failed_before_its_first_checkpoint_goes_on_from_its_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = ["data.batch_size=5", "max_epochs=3", "optimizer.lr=0.01"]
    expected = execute(prepared(tmp_path / "whole", *overrides).path)
    original, calls = RegressionTask.training_step, []

    def failing(task: RegressionTask, batch: Any) -> torch.Tensor:
        calls.append(batch)
        if len(calls) == 51:
            raise TrainingError("The memory is full.")
        return original(task, batch)

    monkeypatch.setattr(RegressionTask, "training_step", failing)
    run = prepared(tmp_path / "run", *overrides)
    with pytest.raises(TrainingError):
        execute(run.path)
    best = torch.load(run.best, weights_only=True)["global_step"]
    assert not run.last.exists()
    assert execute(run.path) == expected
    assert len(calls) == 51 + 60 - best
