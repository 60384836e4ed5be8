"""Runs that are killed and go on, beside the same runs that nothing disturbed.

The processes are real ones, forked from this one because starting torch takes longer than a fit,
and die by SIGKILL at a place in the code that is the same each time.
"""

import functools
import os
import pty
import random
import re
import resource
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import made
import pytest
import torch
from copied import python
from events import CLEAN, STEP, Place, happen
from exact import batches, logged, same
from lightning import Trainer
from made import copy_of
from PIL import Image
from shipped import options
from stubs.data import Dots
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seedbed.errors import DataError, RunError, SeedbedError, SettingError
from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute
from seedbed.runs.resume import resume

COMMAND = "from seedbed.cli.main import main; main()"

END: Place = ("seedbed.callbacks.checkpoints:Checkpoints", "on_train_end")
BOUNDARY: Place = ("seedbed.callbacks.checkpoints:Checkpoints", "on_train_epoch_start")
VALIDATION: Place = ("seedbed.tasks.base:Task", "on_validation_epoch_end")
BEST_OR_LAST: Place = ("seedbed.callbacks.checkpoints", "save")
WITHIN_A_FILE: Place = ("os", "fsync")

EVERY_STEP = "callbacks.checkpoints.every_seconds=0"
SAVED = (
    "state_dict",
    "optimizer_states",
    "lr_schedulers",
    "callbacks",
    "running",
    "random_states",
    "stopped_early",
    "global_step",
)
"""The parts of a checkpoint that must agree; the others count what Lightning has done."""


def prepared(folder: Path, *overrides: str) -> RunDirectory:
    return made.prepared(folder, "log_every=1", *overrides)


def forked(run: RunDirectory, place: Place, call: int, event: Callable[[], None]) -> int:
    """Execute a run in a process of its own, where something happens before a function's n-th call.

    Returns:
        The process's exit status; negative where a signal ended it.
    """
    process = CLEAN.Process(target=execute_with, args=(run.path, place, call, event))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def execute_with(path: Path, place: Place, call: int, event: Callable[[], None]) -> None:
    """What that process does."""
    torch.set_num_threads(1)
    happen(place, call, event)
    try:
        execute(path)
    except SeedbedError as error:
        sys.exit(error.exit_status)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fill_disk(size: int) -> None:
    """No file may become larger from now on."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, 2 * size))


def killed(run: RunDirectory, place: Place, call: int) -> None:
    assert forked(run, place, call, die) == -signal.SIGKILL


def differences(run: RunDirectory, whole: RunDirectory) -> list[str]:
    """The parts of the last checkpoints that are not the same."""
    states = [torch.load(each.last, weights_only=True) for each in (run, whole)]
    return [name for name in SAVED if not same(*(state[name] for state in states))]


def curves(run: RunDirectory) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows, without how fast it went."""
    events = EventAccumulator(str(run.path / "tensorboard"))
    events.Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
        if not name.startswith(("4_throughput/", "5_memory/"))
    }


def assert_same(run: RunDirectory, whole: RunDirectory) -> None:
    assert differences(run, whole) == []
    assert logged(run.path) == logged(whole.path)
    assert batches(run.path) == batches(whole.path)
    assert run.metrics() == whole.metrics()


def disturbed(folder: Path, deaths: list[tuple[Place, int]], *overrides: str) -> RunDirectory:
    """A run that dies at each of these places in turn, and then goes on to its end."""
    run = prepared(folder, EVERY_STEP, *overrides)
    for place, call in deaths:
        killed(run, place, call)
        if (folder / "tensorboard").exists():
            # TensorBoard sorts its files by the second in their names, and by process within one.
            time.sleep(1 - time.time() % 1)
    execute(run.path)
    return run


def undisturbed(folder: Path, *overrides: str) -> RunDirectory:
    run = prepared(folder, EVERY_STEP, *overrides)
    execute(run.path)
    return run


ROWS = ["optimizer=adamw", "optimizer.lr=0.01", "data.batch_size=10", "max_epochs=4", "logger=csv"]
"""A line in ten steps an epoch."""

DEATHS = [(STEP, 9), (VALIDATION, 1), (BOUNDARY, 1), (BEST_OR_LAST, 2), (WITHIN_A_FILE, 1)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ["trainer.accumulate_grad_batches=3"],
        ["+trainer.limit_train_batches=7"],
        ["check_val_every_n_epoch=2", "max_epochs=9", "+trainer.limit_train_batches=4"],
        ["check_val_every_n_epoch=null", "val_check_interval=7", "max_steps=33"],
        [  # validations in the middle of an accumulation
            "check_val_every_n_epoch=null",
            "val_check_interval=5",
            "trainer.accumulate_grad_batches=2",
            "max_steps=17",
        ],
    ],
    ids=" ".join,
)
def test_killed_run_ends_as_one_that_was_not(settings: list[str], tmp_path: Path) -> None:
    run = disturbed(tmp_path / "run", DEATHS, *ROWS, *settings)
    assert_same(run, undisturbed(tmp_path / "whole", *ROWS, *settings))


@pytest.mark.slow
@pytest.mark.parametrize(
    "study",
    [
        [
            *("experiment=dots", "data.batch_size=10", "max_epochs=4", "scheduler=plateau"),
            "scheduler.patience=0",
        ],
        [
            *("experiment=marks", "data.input_noise=0.2", "max_epochs=3", "optimizer.lr=0.01"),
            *("scheduler=cosine", "callbacks=early_stopping"),
        ],
        [
            *("experiment=glyphs", "max_epochs=2", "+trainer.limit_train_batches=20"),
            "scheduler=one_cycle",
        ],
        [
            *("experiment=glyphs", "net=cnn", "optimizer=adamw_cnn", "max_epochs=2"),
            *("data.augment={degrees: 10, zoom: 0.1, shift: 0.1}", "scheduler=one_cycle"),
            "+trainer.limit_train_batches=20",
        ],
        [
            "experiment=rhymes",
            *("data.poems=200", "data.context=16", "data.batch_size=4"),
            *("data.input_noise=0.1", "net.depth=1", "max_steps=45", "val_check_interval=8"),
            *("+trainer.limit_train_batches=12", "+trainer.limit_val_batches=2"),
            "callbacks.samples.length=5",
        ],
    ],
    ids=[
        *("line", "exam with input noise", "digits", "digits moved, by convolutions"),
        "verse with input noise and text samples",
    ],
)
@pytest.mark.parametrize("gathered", [1, 2])
def test_killed_study_ends_as_one_that_was_not_with_one_curve(
    study: list[str], gathered: int, tmp_path: Path
) -> None:
    study = [*study, "net.dropout=0.2", f"trainer.accumulate_grad_batches={gathered}"]
    run = disturbed(tmp_path / "run", DEATHS, *study)
    whole = undisturbed(tmp_path / "whole", *study)
    assert_same(run, whole)
    assert curves(run) == curves(whole)


KILLS = 30
"""At how many moments a fit is killed, and what is before and after it."""


def executed_for(path: Path, seconds: float) -> None:
    """Execute a run in a process that dies some time from now, wherever it is by then."""
    torch.set_num_threads(1)
    threading.Timer(seconds, die).start()
    execute(path)
    os._exit(0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [ROWS, ["experiment=marks", "max_epochs=2", "data.batch_size=64", "callbacks=averaging"]],
    ids=["line", "exam"],
)
def test_run_killed_at_random_moments_ends_as_one_that_was_not(
    settings: list[str], tmp_path: Path
) -> None:
    settings = [*settings, "logger=csv"]
    began = time.monotonic()
    whole = undisturbed(tmp_path / "whole", *settings)
    longest = time.monotonic() - began
    moments, kills, number = random.Random(0), 0, 0
    while kills < KILLS:
        number += 1
        run = prepared(tmp_path / f"{number}", EVERY_STEP, *settings)
        while run.status().get("state") != "finished":
            process = CLEAN.Process(
                target=executed_for, args=(run.path, moments.uniform(0, longest))
            )
            process.start()
            process.join()
            assert process.exitcode in (0, -signal.SIGKILL)
            kills += process.exitcode != 0
        assert_same(run, whole)


def test_run_killed_at_the_end_of_its_fit_trains_no_more(tmp_path: Path) -> None:
    # The last epoch is validated because it is the last, which is not due by the settings.
    settings = [*ROWS, "max_epochs=3", "check_val_every_n_epoch=2"]
    run = disturbed(tmp_path / "run", [(END, 1)], *settings)
    assert_same(run, undisturbed(tmp_path / "whole", *settings))


def test_curve_has_each_point_once_after_a_kill_between_log_and_checkpoint(tmp_path: Path) -> None:
    # Nine steps save the last checkpoint; the tenth is validated, logged, and the best one so far.
    run = disturbed(tmp_path, [(BEST_OR_LAST, 10)], *ROWS, "logger=tensorboard")
    assert "resuming at step 9" in run.log_file.read_text()
    assert [step for step, _ in curves(run)["1_loss/val"]] == [0, 10, 20, 30, 40]


@pytest.mark.slow
@pytest.mark.parametrize("schedule", options("scheduler"))
def test_killed_run_keeps_its_learning_rates_with_every_schedule(
    schedule: str, tmp_path: Path
) -> None:
    settings = [*ROWS, f"scheduler={schedule}", "scheduler.warmup=0.3"]
    if schedule == "plateau":
        settings += ["scheduler.patience=0", "scheduler.threshold=0.5"]  # so that it falls
    deaths = [(STEP, 14), (VALIDATION, 1), (BOUNDARY, 1)]
    run = disturbed(tmp_path / "run", deaths, *settings)
    assert_same(run, undisturbed(tmp_path / "whole", *settings))


STOPPING = [*ROWS, "callbacks=early_stopping", "callbacks.early_stopping.min_delta=1000"]


@pytest.mark.parametrize(
    "place",
    [(VALIDATION, 4), (("seedbed.record.directory:RunDirectory", "set_status"), 1)],
    ids=["while it waits", "after it stopped the fit"],
)
def test_early_stopping_counts_on_over_a_kill(place: tuple[Place, int], tmp_path: Path) -> None:
    # The first validation is the best there will be: the third without a better one ends the fit.
    settings = [*STOPPING, "callbacks.early_stopping.patience=3", "max_epochs=9"]
    run = disturbed(tmp_path / "run", [place], *settings)
    whole = undisturbed(tmp_path / "whole", *settings)
    assert logged(whole.path)[-1]["step"] == "40"
    assert_same(run, whole)


def test_longer_fit_does_not_undo_an_early_stop(tmp_path: Path) -> None:
    run = undisturbed(tmp_path, *STOPPING, "callbacks.early_stopping.patience=1", "max_epochs=9")
    before = logged(run.path)
    resume(run.path, ["max_epochs=20"])
    assert logged(run.path) == before
    assert "where the fit had stopped early" in run.log_file.read_text()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return undisturbed(tmp_path_factory.mktemp("finished") / "run", *ROWS)


@pytest.fixture
def copy(finished: RunDirectory, tmp_path: Path) -> RunDirectory:
    """The finished run, to be spoilt."""
    return copy_of(finished, tmp_path / "copy")


def test_finished_run_says_so(copy: RunDirectory, capsys: pytest.CaptureFixture[str]) -> None:
    assert resume(copy.path) == copy.metrics()
    assert capsys.readouterr().out == f"{copy.path} has finished; metrics.json has its metrics.\n"


@pytest.mark.parametrize(
    ("length", "longer", "settings"),
    [
        ("max_epochs=3", "max_epochs=5", ["check_val_every_n_epoch=2"]),
        (
            "max_steps=33",
            "max_steps=52",
            ["max_epochs=-1", "check_val_every_n_epoch=null", "val_check_interval=5"],
        ),
    ],
)
def test_run_made_longer_ends_as_one_that_was_from_the_start(
    length: str, longer: str, settings: list[str], tmp_path: Path
) -> None:
    settings = [*ROWS, *settings]
    run = undisturbed(tmp_path / "run", *settings, length)
    resume(run.path, [longer])
    whole = undisturbed(tmp_path / "whole", *settings, longer)
    assert differences(run, whole) == ["lr_schedulers"]  # their horizons
    assert run.metrics()["test/loss"] == whole.metrics()["test/loss"]
    assert len([row for row in logged(run.path) if row["test/loss"]]) == 1


def test_longer_fit_that_is_under_way_has_not_the_metrics_of_the_shorter_one(
    copy: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(trainer: Trainer, *arguments: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "fit", fit)
    with pytest.raises(SystemExit):
        resume(copy.path, ["max_epochs=6"])
    assert (copy.state(), copy.config()["max_epochs"]) == ("interrupted", 6)
    assert not copy.metrics_file.exists()


def test_longer_fit_that_cannot_begin_leaves_the_metrics(
    copy: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(data: Dots) -> Any:
        raise DataError("it is gone")

    before = copy.metrics()
    monkeypatch.setattr(Dots, "load", load)
    with pytest.raises(DataError):
        resume(copy.path, ["max_epochs=6"])
    assert copy.metrics() == before


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "warmup_stable_decay", "step"])
def test_run_made_longer_keeps_the_horizon_of_its_schedule(schedule: str, tmp_path: Path) -> None:
    settings = [*ROWS, f"scheduler={schedule}"]
    run = undisturbed(tmp_path / "run", *settings)
    before = [row["learning_rate"] for row in logged(run.path) if row["learning_rate"]]
    resume(run.path, ["max_epochs=6"])
    after = [row["learning_rate"] for row in logged(run.path) if row["learning_rate"]]
    assert after == [*before, before[-1], before[-1]]

    again = RunDirectory.create(tmp_path / "again", run.config())
    execute(again.path)
    assert logged(again.path) == logged(run.path)


@pytest.mark.parametrize(("schedule", "tells"), [("cosine", True), ("step", False)])
def test_longer_fit_that_can_learn_nothing_says_so(
    schedule: str, tells: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = prepared(tmp_path, *ROWS, f"scheduler={schedule}", "max_epochs=2")
    execute(run.path)
    weights = torch.load(run.last, weights_only=True)["state_dict"]
    capsys.readouterr()
    resume(run.path, ["max_epochs=3"])
    line = "The schedule keeps its end at step 20, where its learning rate is 0: steps after it"
    assert (line in capsys.readouterr().out) is tells
    assert same(torch.load(run.last, weights_only=True)["state_dict"], weights) is tells


def test_changed_settings_are_refused_with_both_values(copy: RunDirectory) -> None:
    with pytest.raises(SettingError) as caught:
        resume(copy.path, ["optimizer.lr=0.5", "seed=42", "net=mlp_512", "sed=1", "max_epochs=9"])
    assert str(caught.value).splitlines() == [
        "optimizer.lr: the run has 0.01, not 0.5.",
        "net: the run has seedbed.nets.mlp.MLP, not mlp_512.",
        "sed: no such setting; there is max_epochs, max_steps.",
        "That would be another experiment, for a run of its own.",
    ]
    assert copy.config()["max_epochs"] == 4


def test_misspelt_length_is_no_other_experiment(copy: RunDirectory) -> None:
    with pytest.raises(SettingError) as caught:
        resume(copy.path, ["max_epoch=9"])
    assert str(caught.value) == (
        "max_epoch: no such setting; did you mean max_epochs or max_steps?"
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("max_epochs=3", "max_epochs=3: a fit can only be made longer; the run's has max_epochs=4"),
        ("max_steps=99", "max_steps=99: a fit can only be made longer; the run's has max_epochs=4"),
        ("max_epochs=abc", "max_epochs=abc: expected a whole number, got a text."),
        ("max_epochs=-1", "max_epochs=-1 and max_steps=-1: the fit would never end"),
        ("max_steps=null", "max_steps=null: expected a whole number, got null."),
        ("longer", "longer: expected a setting, as max_steps=2000."),
        ("max_epochs=8,9", "max_epochs=8,9: several values; a run has one."),
    ],
)
def test_length_that_is_no_longer_one_is_refused(
    override: str, message: str, copy: RunDirectory
) -> None:
    before = copy.config()
    with pytest.raises(SettingError, match=re.escape(message)):
        resume(copy.path, [override])
    assert (copy.config(), copy.state()) == (before, "finished")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def flip(path: Path) -> None:
    """One bit of a weight."""
    content = bytearray(path.read_bytes())
    weights = torch.load(path, weights_only=True)["state_dict"]["net.head.weight"]
    place = content.index(weights.numpy().tobytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [cut, flip])
def test_damaged_last_checkpoint_is_named_and_the_best_one_taken(
    spoil: Callable[[Path], None], finished: RunDirectory, copy: RunDirectory
) -> None:
    spoil(copy.last)
    copy.set_status("running")
    resume(copy.path)
    log = copy.log_file.read_text()
    assert "last.ckpt is damaged" in log
    assert "It is set aside as last.ckpt.damaged.\n" in log
    assert "resuming at step 40, from best.ckpt\n" in log
    assert_same(copy, finished)


def test_best_is_chosen_anew_where_its_checkpoint_is_damaged(copy: RunDirectory) -> None:
    flip(copy.best)
    resume(copy.path, ["max_epochs=6"])
    assert torch.load(copy.best, weights_only=True)["global_step"] > 40


def test_run_without_a_sound_checkpoint_says_what_is_wrong_with_each(copy: RunDirectory) -> None:
    cut(copy.last)
    flip(copy.best)
    copy.set_status("running")
    with pytest.raises(RunError) as caught:
        resume(copy.path)
    assert f"{copy.last} is damaged, cut short" in str(caught.value)
    assert f"{copy.best} is damaged, cut short or altered: Bad CRC" in str(caught.value)


def test_checkpoint_with_a_pickled_object_is_refused(copy: RunDirectory, tmp_path: Path) -> None:
    torch.save({"global_step": 1, "state_dict": Path()}, copy.last)
    copy.set_status("running")
    with pytest.raises(RunError, match=r"last\.ckpt holds pickled objects \(pathlib\.PosixPath\)"):
        resume(copy.path)


def test_full_disk_fails_the_run_and_leaves_the_checkpoint_before(copy: RunDirectory) -> None:
    before = copy.last.read_bytes()
    config = copy.config()
    copy.set_config(config | {"trainer": config["trainer"] | {"max_epochs": 6}})
    copy.set_status("running")
    assert forked(copy, BEST_OR_LAST, 1, functools.partial(fill_disk, len(before) // 2)) == 1
    error = copy.status()["error"]
    assert error.startswith(f"{copy.last}: cannot be written (File too large).")
    assert error.endswith(f"go on: {copy.resume_command}")
    assert copy.state() == "failed"
    assert copy.last.read_bytes() == before
    assert sorted(path.name for path in copy.checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]


FULL_FROM_THE_THIRD_CHECKPOINT = """
import itertools
import resource
from seedbed.callbacks import checkpoints

save, calls = checkpoints.save, itertools.count(1)

def onto_a_full_disk(*arguments):
    if next(calls) == 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    return save(*arguments)

checkpoints.save = onto_a_full_disk
"""


@pytest.mark.slow
def test_disk_that_takes_nothing_more_ends_the_run_with_a_message_and_it_goes_on_later(
    finished: RunDirectory, tmp_path: Path
) -> None:
    run = prepared(tmp_path / "run", EVERY_STEP, *ROWS)
    done = python("-c", f"{FULL_FROM_THE_THIRD_CHECKPOINT}\n{COMMAND}", "execute", run.path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "cannot be written (File too large). What was saved before is whole." in done.stderr
    assert run.state() == "interrupted"  # for nothing could be recorded any more
    torch.load(run.last, weights_only=True)
    execute(run.path)
    assert_same(run, finished)


def test_state_follows_a_run_from_its_making_over_its_death_to_its_end(tmp_path: Path) -> None:
    run = prepared(tmp_path / "run", *ROWS)
    states = [run.state()]
    killed(run, STEP, 14)
    assert run.status()["state"] == "running"
    states.append(run.state())
    with run.claimed():
        states.append(run.state())
    execute(run.path)
    states.append(run.state())
    assert states == ["new", "interrupted", "running", "finished"]


SIGNAL_AT_STEP_25 = """
import os
from seedbed.tasks.regression import RegressionTask as Task

step = Task.step

def signalled(task, batch):
    if task.global_step == 24:  # within the 25th step
        os.kill(os.getpid(), {number})
    return step(task, batch)

Task.step = signalled
"""


@pytest.mark.slow
def test_run_whose_terminal_hangs_up_saves(tmp_path: Path) -> None:
    run = prepared(tmp_path / "run", *ROWS, "max_epochs=-1", "max_steps=1000000")
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-c", COMMAND, "execute", str(run.path)])
    with suppress(OSError):
        while not re.search(rb"[1-9]\d*/1000000", os.read(terminal, 1000)):
            pass
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
    assert run.state() == "interrupted"
    assert run.last.exists()
    assert "Traceback" not in run.log_file.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_saves_and_the_last_line_is_the_command_to_go_on(
    number: signal.Signals, finished: RunDirectory, tmp_path: Path
) -> None:
    run = prepared(tmp_path / "a run", *ROWS)
    code = SIGNAL_AT_STEP_25.format(number=int(number))
    done = python("-c", f"{code}\n{COMMAND}", "execute", run.path)
    assert (done.returncode, done.stderr) == (128 + number, "")
    assert run.state() == "interrupted"
    assert torch.load(run.last, weights_only=True)["global_step"] == 25

    command = done.stdout.splitlines()[-1].removeprefix("Interrupted. To go on: ")
    subprocess.run(shlex.split(command), check=True, capture_output=True)
    assert_same(run, finished)


@pytest.mark.slow
def test_killed_run_whose_workers_read_images_resumes_to_identical_weights(tmp_path: Path) -> None:
    for number in range(40):
        file = tmp_path / "set" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 5 * number).save(file)
    typed = (
        *("experiment=images", f"data.path={tmp_path / 'set'}", "data.in_memory=false"),
        *("data.workers=2", "data.size=8", "data.batch_size=4", "data.augment={shift: 0.1}"),
        *("net.widths=[4]", "max_epochs=2", "logger=csv"),
    )
    whole = undisturbed(tmp_path / "whole", *typed)
    assert_same(disturbed(tmp_path / "run", [(STEP, 4), (STEP, 6)], *typed), whole)
