from pathlib import Path

import pytest
from rich.console import Console

from seedbed.sweep import board as module
from seedbed.sweep.board import Board
from seedbed.sweep.ledger import Job, Result


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, as the board sees them."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def job(tmp_path: Path, rate: str) -> Job:
    return Job({"optimizer.lr": rate}, 0, tmp_path)


def board(total: int, workers: int = 1) -> Board:
    return Board(total=total, workers=workers, metric="val/loss", mode="min")


def drawn(board: Board) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        console.print(board)
    return captured.get()


def test_line_tells_job_state_metric_best_and_time_left(
    tmp_path: Path, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = board(6, workers=2)
    shown.found(job(tmp_path, "1"), Result("finished", 0.25))
    shown.began(job(tmp_path, "2"))
    clock[0] = 60.0
    shown.ended(job(tmp_path, "2"), Result("finished", 0.5))
    # Four are left, two at a time, a minute each.
    assert capsys.readouterr().out == (
        "2/6  optimizer.lr=2  finished  val/loss 0.5000  best 0.2500  2:00 left\n"
    )


def test_failure_is_reported_with_its_error_and_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = board(2)
    shown.began(job(tmp_path, "1"))
    shown.ended(job(tmp_path, "1"), Result("failed", error="[red]no memory[/red]"))
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "FAILED: optimizer.lr=1: [red]no memory[/red]"
    assert second == f"    {job(tmp_path, '1').run.path}"
    assert third.startswith("1/2  optimizer.lr=1  failed")


def test_table_has_the_best_value_so_far_of_a_job_that_runs(
    tmp_path: Path, clock: list[float]
) -> None:
    shown, running = board(3), job(tmp_path, "2")
    shown.began(running)
    running.run.path.mkdir()
    (running.run.path / "metrics.csv").write_text("step,val/loss\n0,3.0\n1,2.0\n2,2.5\n")
    clock[0] = 5.0
    heading, _, row = drawn(shown).splitlines()
    assert heading.strip() == "0 of 3 jobs"
    assert row.split() == ["1", "optimizer.lr=2", "running", "2.0000", "0:05"]


def test_best_follows_the_metrics_direction(tmp_path: Path) -> None:
    shown = Board(total=3, workers=1, metric="val/accuracy", mode="max")
    for rate, value in (("1", 0.5), ("2", 0.9), ("3", float("nan"))):
        shown.found(job(tmp_path, rate), Result("finished", value))
    assert shown.best == (0.9, "optimizer.lr=2")
