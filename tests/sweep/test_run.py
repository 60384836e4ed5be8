"""Sweeps within this process; `test_sweep_command.py` has those that are killed."""

import json
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock

from seedbed.config.compose import plain
from seedbed.errors import RunError, SettingError, SweepError
from seedbed.record.directory import RunDirectory
from seedbed.sweep.configs import Configs
from seedbed.sweep.jobs import ThisProcess
from seedbed.sweep.ledger import Ledger
from seedbed.sweep.run import report
from seedbed.sweep.worker import Ended
from seedbed.tasks.regression import RegressionTask

RATES = "optimizer.lr=0.001,0.003,0.005"


def test_every_point_becomes_a_run_of_its_own(sweep: Any) -> None:
    sweep("optimizer=sgd,adam", "optimizer.lr=0.01,0.02")
    configs = [run.config() for run in sweep.runs()]
    assert [(c["optimizer"]["_target_"], c["optimizer"]["lr"]) for c in configs] == [
        ("torch.optim.SGD", 0.01),
        ("torch.optim.SGD", 0.02),
        ("torch.optim.Adam", 0.01),
        ("torch.optim.Adam", 0.02),
    ]
    assert sweep.states() == ["finished"] * 4


def test_each_point_is_trained_with_as_many_seeds_as_asked(sweep: Any) -> None:
    sweep("optimizer.lr=0.01,0.02", seeds=2)
    configs = [run.config() for run in sweep.runs()]
    assert [(c["optimizer"]["lr"], c["seed"], c["data"]["seed"]) for c in configs] == [
        (0.01, 42, 42),
        (0.01, 43, 43),
        (0.02, 42, 42),
        (0.02, 43, 43),
    ]


def test_job_of_a_later_seed_composes_to_what_it_was_made_with(
    sweep: Any, plan_of: Any, compose_of: Any
) -> None:
    sweep("optimizer.lr=0.01", seeds=2)
    job = Ledger(sweep.folder).job({}, 1)
    configs = Configs(plan_of("optimizer.lr=0.01", seeds=2), compose_of)
    assert plain(configs.composed(job)) == job.run.config() | {"test": True}
    job.run.set_config(job.run.config() | {"max_epochs": 50})
    with pytest.raises(RunError, match="the configuration has changed since"):
        configs.composed(job)


def test_same_command_again_trains_nothing_and_touches_nothing(sweep: Any) -> None:
    sweep("optimizer.lr=0.01,0.02")
    before = sweep.contents()
    sweep("optimizer.lr=0.01,0.02")
    assert sweep.contents() == before


def test_run_that_was_put_beside_the_jobs_is_none_of_them(
    sweep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.sweep.run.report", report)
    sweep("optimizer.lr=0.01,0.02")
    shutil.copytree(sweep.runs()[0].path, sweep.folder / "another")
    sweep("optimizer.lr=0.01,0.02")
    table = (sweep.folder / "results.csv").read_text()
    assert ("another" in table, len(table.splitlines())) == (False, 3)
    sweep("optimizer.lr=0.01,0.02", fresh=True)
    assert len(sweep.runs()) == 3
    assert (sweep.folder / "another" / "metrics.json").exists()


def test_fresh_removes_what_a_killed_one_left(sweep: Any) -> None:
    sweep("optimizer.lr=0.01,0.02", seeds=2)
    ledger = Ledger(sweep.folder)
    shutil.rmtree([*ledger.jobs()][-1])  # as it begins to
    ledger.open(ledger.record()["sweep"], [], fresh=True)
    assert not sweep.runs()


def test_sweep_of_an_earlier_version_is_removed_whole(sweep: Any) -> None:
    sweep("optimizer.lr=0.01,0.02")
    ledger = Ledger(sweep.folder)
    ledger.trials_file.unlink()  # it kept no points of a grid
    ledger.open(ledger.record()["sweep"], [], fresh=True)
    assert not sweep.runs()


def test_more_seeds_leave_the_finished_jobs_alone(sweep: Any) -> None:
    sweep("optimizer.lr=0.01,0.02")
    before = sweep.contents()
    sweep("optimizer.lr=0.01,0.02", seeds=2)
    assert len(sweep.runs()) == 4
    assert before.items() <= sweep.contents().items()


def test_misspelt_value_fails_before_any_job(sweep: Any) -> None:
    with pytest.raises(SettingError) as caught:
        sweep("optimizer=sgd,adam", "optimizer.lr=0.01,abc", "seed=1,2,x")
    assert str(caught.value).splitlines() == [
        "optimizer.lr=abc: expected a number, got a text.",
        "seed=x: expected a whole number, got a text.",
    ]
    assert not sweep.folder.exists()


def test_large_grid_says_what_it_does_while_it_checks(
    sweep: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("seedbed.sweep.configs.MANY", 2)
    monkeypatch.setattr("seedbed.sweep.configs.SILENCE", 0)
    with pytest.raises(SettingError):  # before any job
        sweep("optimizer.lr=1,2,wrong")
    said = capsys.readouterr().out
    assert "checking the settings of 3 points before any is trained" in said
    assert "2 of 3 checked" in said


def test_both_ends_of_a_searched_interval_are_checked_before_any_job(sweep: Any) -> None:
    with pytest.raises(SettingError, match="max_epochs=0: expected 1 or more"):
        sweep("max_epochs=int(interval(0,5))", algorithm="random")
    assert not sweep.folder.exists()


def test_job_that_diverges_fails_alone_and_is_reported_at_once(
    sweep: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SweepError) as caught:
        sweep("optimizer.lr=0.001,1e9,0.005")
    assert sweep.states() == ["finished", "failed", "finished"]
    failed = sweep.runs()[1]
    printed = capsys.readouterr().out
    expected = f"FAILED: optimizer.lr=1000000000.0: {failed.status()['error']}\n    {failed.path}\n"
    assert printed.index(expected) < printed.index("\n3/3 ")
    assert str(caught.value).startswith("1 of 3 jobs failed. To try again what has no result: ")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A bug that one learning rate brings out."""
    step = RegressionTask.step

    def raising(task: RegressionTask, batch: Any) -> Any:
        if task.trainer.optimizers[0].param_groups[0]["lr"] == 0.003:
            raise KeyError("no such thing")
        return step(task, batch)

    monkeypatch.setattr(RegressionTask, "step", raising)
    return monkeypatch


def test_bug_in_one_job_leaves_the_others_their_results(sweep: Any, broken: Any) -> None:
    with pytest.raises(SweepError, match="1 of 3 jobs failed"):
        sweep(RATES)
    assert sweep.runs()[1].status()["error"] == "KeyError: 'no such thing'"
    assert sweep.states() == ["finished", "failed", "finished"]


def test_failed_job_is_tried_again_alone(sweep: Any, broken: pytest.MonkeyPatch) -> None:
    with pytest.raises(SweepError):
        sweep(RATES)
    *_, failed = [run.path for run in sweep.runs() if run.state() == "failed"]
    before = {p: text for p, text in sweep.contents().items() if failed not in p.parents}
    broken.undo()
    broken.setattr("seedbed.sweep.run.report", lambda *_: None)
    sweep(RATES)
    assert sweep.states() == ["finished"] * 3
    assert before.items() <= sweep.contents().items()


def test_job_that_ends_before_it_begins_again_is_reported_with_its_new_error(
    sweep: Any, broken: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SweepError):
        sweep(RATES)
    [failed] = [run for run in sweep.runs() if run.state() == "failed"]

    def killed(pool: ThisProcess) -> Ended:
        pool.running = 0
        return Ended(failed.path, "the process was killed by SIGKILL")

    broken.setattr(ThisProcess, "wait", killed)
    with pytest.raises(SweepError):
        sweep(RATES)
    assert failed.status()["error"] == "the process was killed by SIGKILL"


def test_fail_fast_stops_at_the_first(sweep: Any, broken: Any) -> None:
    with pytest.raises(SweepError):
        sweep(RATES, fail_fast=True)
    assert sweep.states() == ["finished", "failed"]


def test_fresh_starts_over_and_removes_runs_only(sweep: Any) -> None:
    sweep("optimizer.lr=0.01,0.02")
    mine = sweep.folder / "notes"
    mine.mkdir()
    first = [run.status_file.stat().st_mtime_ns for run in sweep.runs()]
    sweep("optimizer.lr=0.01,0.02", fresh=True)
    second = [run.status_file.stat().st_mtime_ns for run in sweep.runs()]
    assert len(second) == 2
    assert min(second) > max(first)
    assert mine.is_dir()


def test_second_sweep_into_a_directory_in_use_is_refused(sweep: Any) -> None:
    sweep.folder.mkdir()
    with (
        FileLock(sweep.folder / ".lock"),
        pytest.raises(RunError, match="is in use by another sweep"),
    ):
        sweep("optimizer.lr=0.01,0.02")
    assert not sweep.runs()


def test_another_sweep_in_a_directory_is_refused(sweep: Any) -> None:
    sweep("optimizer.lr=0.01,0.02")
    with pytest.raises(RunError, match=r"holds another sweep: train\.py optimizer\.lr=0\.01,0\.02"):
        sweep("optimizer.lr=0.01,0.03")


def test_runs_that_no_sweep_made_are_left_alone(sweep: Any) -> None:
    mine = RunDirectory.create(sweep.folder / "mine", {"seed": 1})
    for fresh in (False, True):
        with pytest.raises(RunError, match="holds runs that no sweep made, as mine"):
            sweep("optimizer.lr=0.01,0.02", fresh=fresh)
    assert mine.config() == {"seed": 1}


def test_job_made_with_other_settings_is_not_taken_for_done(sweep: Any) -> None:
    sweep("optimizer.lr=0.01,0.02")
    run = sweep.runs()[1]
    run.set_config(run.config() | {"max_epochs": 50})
    with pytest.raises(RunError, match="other settings of max_epochs: the configuration has chan"):
        sweep("optimizer.lr=0.01,0.02")


def interrupt_once(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Press Ctrl-C within the training step of this number, counted over all jobs."""
    step, calls = RegressionTask.training_step, []

    def interrupted(task: RegressionTask, batch: Any) -> torch.Tensor:
        calls.append(batch)
        if len(calls) == call:
            signal.raise_signal(signal.SIGINT)
        return step(task, batch)

    monkeypatch.setattr(RegressionTask, "training_step", interrupted)


def test_ctrl_c_saves_the_job_says_how_to_go_on_and_the_command_does(
    sweep: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt_once(monkeypatch, 13)  # in the third job's third epoch of five
    with pytest.raises(SystemExit) as caught:
        sweep(RATES)
    assert caught.value.code == 130
    assert sweep.states() == ["finished", "finished", "interrupted"]
    hint = f"Interrupted. To go on: {Ledger(sweep.folder).resume_command}\n"
    assert capsys.readouterr().out.endswith(hint)
    sweep(RATES)
    assert sweep.states() == ["finished"] * 3
    assert "resuming at step" in sweep.runs()[2].log_file.read_text()


SEARCH = ("optimizer.lr=tag(log,interval(1e-4,0.02))", "net.hidden=[4],[8]")


def rates(sweep: Any) -> list[float]:
    return [run.config()["optimizer"]["lr"] for run in sweep.runs()]


def results(sweep: Any) -> list[tuple[str, float]]:
    return [(run.path.name, run.metrics()["val/loss"]) for run in sweep.runs()]


def test_search_makes_as_many_trials_as_asked_and_more_later(sweep: Any) -> None:
    sweep(*SEARCH, algorithm="random", trials=2)
    before = sweep.contents()
    sweep(*SEARCH, algorithm="random", trials=3)
    assert len(set(rates(sweep))) == 3
    assert before.items() <= sweep.contents().items()


def test_trials_added_later_are_those_of_one_long_search(sweep: Any, tmp_path: Path) -> None:
    search: dict[str, Any] = {"algorithm": "random"}
    sweep(*SEARCH, **search, trials=1)
    sweep(*SEARCH, **search, trials=3)
    whole = type(sweep)(tmp_path / "whole")
    whole(*SEARCH, **search, trials=3)
    assert results(whole) == results(sweep)


def test_sweep_goes_on_without_the_weights_it_began_with(sweep: Any, tmp_path: Path) -> None:
    source = type(sweep)(tmp_path / "source")
    source("optimizer.lr=0.01")
    weights = f"weights={source.runs()[0].path}"
    sweep(weights, "optimizer.lr=0.01,0.02")
    before = sweep.contents()
    shutil.rmtree(source.folder)
    sweep(weights, "optimizer.lr=0.01,0.02")
    assert sweep.contents() == before
    with pytest.raises(SettingError, match=r"there is no .*; give a run's directory"):
        type(sweep)(tmp_path / "new")(weights, "optimizer.lr=0.01,0.02")


def test_search_where_nothing_varies_is_refused(sweep: Any) -> None:
    with pytest.raises(SettingError, match=r"^algorithm=tpe: nothing varies"):
        sweep("optimizer.lr=0.01", algorithm="tpe")
    assert sweep.runs() == []


def test_point_proposed_twice_is_trained_once_and_reported(
    sweep: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep("net.hidden=[4],[8]", algorithm="random", trials=6)
    assert (
        len(re.findall(r"trial \d is net.hidden=\[\d\] again: it is not", capsys.readouterr().out))
        == 4
    )
    assert len(sweep.runs()) == 2
    assert len((sweep.folder / "trials.jsonl").read_text().splitlines()) == 6


@pytest.mark.slow
def test_pruning_ends_bad_jobs_early_and_marks_them(sweep: Any) -> None:
    sweep("optimizer.lr=0.001,0.002,0.003,0.004,0.005,0.006,1e-6,1e-7", pruning=True)
    statuses = [json.loads(run.status_file.read_text()) for run in sweep.runs()]
    assert [status.get("pruned") for status in statuses] == [*[None] * 6, 1, 1]
    assert sweep.states() == ["finished"] * 8
    steps = [torch.load(run.last, weights_only=True)["global_step"] for run in sweep.runs()]
    assert steps == [5] * 6 + [1, 1]
    assert sum("test/loss" in run.metrics() for run in sweep.runs()) <= 1  # the winner alone


def test_jobs_write_no_report_of_their_own(sweep: Any) -> None:
    sweep("report=true", "max_epochs=1", "optimizer.lr=0.01,0.02")
    assert [run.path for run in sweep.runs() if (run.path / "report.html").exists()] == []
