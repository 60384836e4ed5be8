"""Runs in two processes, beside the same in one.

The processes are real ones with torchrun's variables, but forked from one that has imported torch,
which takes longer than these fits. The last ones are started as a user starts them.
"""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import events
import made
import pytest
import torch
from events import LIMIT, STEP, happen
from exact import same

from seedbed.errors import LostProcessError, RunError, TrainingError
from seedbed.metric_directions import COSTS
from seedbed.processes.signals import TERMINATED
from seedbed.project import ROOT
from seedbed.record.directory import RunDirectory
from seedbed.runs.evaluate import evaluate
from seedbed.runs.execute import execute

pytestmark = pytest.mark.slow

TOGETHER = ("trainer=ddp", "trainer.devices=2")

EXAM = (
    *("experiment=marks", "max_epochs=3"),
    "task.metrics={mcc:{_target_:MatthewsCorrCoef}}",  # of all rows once, in each process
)
DIGITS = ("experiment=glyphs", "net.hidden=[16]", "max_epochs=1")
VERSE = (
    *("experiment=rhymes", "data.poems=100", "data.context=16"),
    *("data.batch_size=4", "net.depth=1", "max_steps=12", "val_check_interval=6"),
    "net.cutoffs=[20,60]",  # so that some batch has no token of a cluster
    *(
        "+trainer.limit_val_batches=3",
        "+trainer.limit_test_batches=3",
        "callbacks.samples.length=5",
    ),
)


def prepared(folder: Path, *overrides: str) -> RunDirectory:
    return made.prepared(folder, "logger=csv", *overrides)


def together(
    run: RunDirectory, *, rank: int = 0, call: int = 0, event: Callable[[], None] = int
) -> list[int | None]:
    """Execute a run in two processes, in one of which something happens before its n-th step.

    Returns:
        Their exit statuses; negative where a signal ended one.
    """
    return events.together(run, partial(happen_in, rank, call, event))


def happen_in(chosen: int, call: int, event: Callable[[], None], rank: int) -> None:
    if rank == chosen:
        happen(STEP, call, event)


def fail() -> None:
    raise TrainingError("one of them failed")


def signalled(number: int) -> Callable[[], None]:
    return partial(send, number)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def rows(run: RunDirectory) -> list[dict[str, float]]:
    """The log, without how fast it went."""
    with (run.path / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [
            {name: float(text) for name, text in row.items() if text and not name.startswith(COSTS)}
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize(
    "study",
    [
        EXAM,
        (*EXAM, "data.batch_size=33", "trainer.accumulate_grad_batches=2"),
        (*EXAM, "data.batch_size=full", "trainer.gradient_clip_val=0.1", "task.l1=1e-3"),
        ("task.reduction=sum", "optimizer.lr=1e-4", "data.batch_size=32", "data.points=99"),
        (*DIGITS, "net.dropout=0", "scheduler=plateau"),
        VERSE,
    ],
    ids=" ".join,
)
def test_two_processes_train_as_one_with_the_same_batches(
    study: tuple[str, ...], tmp_path: Path
) -> None:
    one, two = prepared(tmp_path / "1", *study), prepared(tmp_path / "2", *study, *TOGETHER)
    execute(one.path)
    assert together(two) == [0, 0]
    assert len(rows(two)) == len(rows(one))
    for row, expected in zip(rows(two), rows(one), strict=True):
        assert row == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert two.metrics() == pytest.approx(one.metrics(), rel=1e-4, abs=1e-5)


def test_each_row_of_an_uneven_part_counts_once(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,y\n" + "".join(f"{n},{n % 2}\n" for n in range(33)))
    study = ("experiment=marks", "data=table", f"data.path={file}", "data.target=y", "max_epochs=1")
    one, two = prepared(tmp_path / "1", *study), prepared(tmp_path / "2", *study, *TOGETHER)
    execute(one.path)  # 3 rows for validation, 7 for test
    assert together(two) == [0, 0]
    counted = [(run.path / "confusion.csv").read_text() for run in (one, two)]
    assert counted[0] == counted[1]
    assert two.metrics() == pytest.approx(one.metrics(), rel=1e-5)


def test_run_whose_process_was_killed_fails_and_resumes_to_identical_weights(
    tmp_path: Path,
) -> None:
    study = (*DIGITS, "net.dropout=0.5", "data.input_noise=0.1", *TOGETHER)
    always = "callbacks.checkpoints.every_seconds=0"
    whole, run = prepared(tmp_path / "1", *study, always), prepared(tmp_path / "2", *study, always)
    assert together(whole) == [0, 0]
    started = time.monotonic()
    ends = together(run, rank=1, call=9, event=signalled(signal.SIGKILL))
    assert ends == [LostProcessError.exit_status, -signal.SIGKILL]
    assert time.monotonic() - started < LIMIT
    assert run.status()["state"] == "failed"
    assert f"To go on: {run.resume_command}" in run.status()["error"]
    assert together(run) == [0, 0]
    states = [torch.load(each.last, weights_only=True) for each in (run, whole)]
    for name in ("state_dict", "optimizer_states", "running", "random_states", "global_step"):
        assert same(*(state[name] for state in states)), name
    assert rows(run) == rows(whole)
    assert run.metrics() == whole.metrics()
    first, second = states[0]["random_states"]
    assert not torch.equal(first["cpu"], second["cpu"])


def test_error_of_one_process_is_the_runs(tmp_path: Path) -> None:
    run = prepared(tmp_path, *EXAM, *TOGETHER)
    assert together(run, rank=1, call=3, event=fail) == [LostProcessError.exit_status, 1]
    assert (run.status()["state"], run.status()["error"]) == ("failed", "one of them failed")


def test_error_before_the_fit_is_the_first_processs_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert together(RunDirectory(tmp_path)) == [RunError.exit_status, 0]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("rank", [0, 1])
def test_signal_to_one_process_has_both_save_and_end(rank: int, tmp_path: Path) -> None:
    run = prepared(tmp_path, *EXAM, *TOGETHER)
    ends = together(run, rank=rank, call=5, event=signalled(signal.SIGTERM))
    assert ends == [TERMINATED, TERMINATED]
    assert run.status()["state"] == "interrupted"
    assert torch.load(run.last, weights_only=True)["global_step"] == 5
    assert together(run) == [0, 0]
    assert run.status()["state"] == "finished"


def test_run_of_two_processes_is_evaluated_in_one(tmp_path: Path) -> None:
    run = prepared(tmp_path, *EXAM, *TOGETHER)
    assert together(run) == [0, 0]
    found = evaluate(run.path, split="test")
    assert found == pytest.approx({name: run.metrics()[name] for name in found}, rel=1e-5)


# --- as a user starts them ------------------------------------------------------------------------


def started(*arguments: str, under: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *under, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


TRAIN = str(ROOT / "train.py")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
SHORT = ("max_epochs=3", "print_every=1000", *TOGETHER)
ENDLESS = (
    "max_epochs=1000000",
    "print_every=1000",
    "callbacks.checkpoints.every_seconds=0",
    *TOGETHER,
)


def ranks(run: RunDirectory) -> dict[int, int]:
    """The processes of a run that trains, by rank."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(run.path) in (folder / "cmdline").read_text():
                variables = (folder / "environ").read_bytes().decode().split("\0")
                found |= {
                    int(text[5:]): int(folder.name) for text in variables if text[:5] == "RANK="
                }
    return found


def loggers(run: RunDirectory) -> set[int]:
    """The processes that have written for TensorBoard."""
    names = [file.name for file in run.path.glob("tensorboard/events*")]
    return {
        int(number) for number in re.findall(r"\.(\d+)\.\d+(?:\.hparams)?$", "\n".join(names), re.M)
    }


def training(run: RunDirectory, under: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A command that trains, and is in the middle of it."""
    process = started(TRAIN, *ENDLESS, f"hydra.run.dir={run.path}", under=under)
    while not run.last.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)
    return process


def test_command_trains_in_two_processes_with_one_log_and_no_word_of_it(tmp_path: Path) -> None:
    process = started(TRAIN, *SHORT, f"hydra.run.dir={tmp_path / 'run'}")
    out, errors = process.communicate(timeout=10 * LIMIT)
    assert (process.returncode, errors) == (0, "")
    assert out.count("experiment  dots, seed 42") == 1
    assert "device      2 × cpu, 1 threads each" in out
    assert out.endswith(f"run: {tmp_path / 'run'}\n")
    run = RunDirectory(tmp_path / "run")
    assert loggers(run) == {run.status()["pid"]}
    assert run.provenance()["command"][1:] == [TRAIN, *SHORT, f"hydra.run.dir={run.path}"]
    assert (run.provenance()["processes"], run.provenance()["threads"]) == (2, 2)


def test_processes_of_torchrun_agree_on_one_directory(tmp_path: Path) -> None:
    place = f"hydra.run.dir={tmp_path}/${{runid:}}"
    process = started(TRAIN, *SHORT, place, under=TORCHRUN)
    out, _ = process.communicate(timeout=10 * LIMIT)
    assert process.returncode == 0
    [folder] = tmp_path.iterdir()
    assert out.endswith(f"run: {folder}\n")
    assert RunDirectory(folder).status()["state"] == "finished"


def test_sweep_has_two_processes_for_each_job_with_the_jobs_own_settings(tmp_path: Path) -> None:
    rates = ("0.01", "0.02")
    process = started(
        *(TRAIN, "-m", *SHORT, f"optimizer.lr={','.join(rates)}", f"hydra.sweep.dir={tmp_path}"),
        under=TORCHRUN,
    )
    process.communicate(timeout=20 * LIMIT)
    assert process.returncode == 0
    runs = [RunDirectory(file.parent) for file in sorted(tmp_path.glob("*/config.yaml"))]
    assert [str(run.config()["optimizer"]["lr"]) for run in runs] == [*rates]
    for run, rate in zip(runs, rates, strict=True):
        assert run.provenance()["processes"] == 2
        assert loggers(run) == {run.status()["pid"]}
        trained_with = [row["learning_rate"] for row in rows(run) if "learning_rate" in row]
        assert trained_with == pytest.approx([float(rate)] * 3)


def test_process_that_is_killed_ends_the_run_at_once_with_what_to_do(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    process = training(run)
    os.kill(ranks(run)[1], signal.SIGKILL)
    _, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 1
    error = "Process 1 of 2 was killed by SIGKILL; out of memory?"
    assert errors == f"{error} To go on: {run.resume_command}\n"
    assert (run.status()["state"], run.status()["error"]) == ("failed", error)
    assert ranks(run) == {}


@pytest.mark.parametrize("under", [(), TORCHRUN], ids=["alone", "torchrun"])
def test_processes_save_and_end_when_what_started_them_is_killed(
    under: tuple[str, ...], tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    process = training(run, under)
    assert ranks(run).keys() == {0, 1}
    process.kill()
    limit = time.monotonic() + LIMIT
    while ranks(run):
        assert time.monotonic() < limit, "they go on"
        time.sleep(0.2)
    process.communicate()
    assert run.status()["state"] == "interrupted"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_to_the_command_has_its_processes_save_and_end(
    number: signal.Signals, status: int, tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    process = training(run)
    process.send_signal(number)
    out, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, errors) == (status, "")
    assert out.endswith(f"Interrupted. To go on: {run.resume_command}\n")
    assert run.status()["state"] == "interrupted"


def test_error_of_a_process_is_reported_once_with_its_status(tmp_path: Path) -> None:
    process = started(TRAIN, *SHORT, "optimizer.lr=1e6", f"hydra.run.dir={tmp_path / 'run'}")
    _, errors = process.communicate(timeout=10 * LIMIT)
    assert process.returncode == 1
    assert len(errors.splitlines()) == 1
    assert "loss is " in errors
