import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from seedbed.callbacks import progress
from seedbed.config.compose import composed, plain
from seedbed.errors import TrainingError
from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute
from seedbed.terminal import console as terminal


def fit(folder: Path, *overrides: str) -> RunDirectory:
    config = plain(composed(["data.held_out=8", "logger=csv", *overrides]))
    run = RunDirectory.create(folder, config)
    execute(run.path)
    return run


def steps(printed: str) -> list[int]:
    """The steps of the lines printed."""
    timed = re.compile(r".*\d:\d\d")
    first = [line.split()[0] for line in printed.splitlines() if timed.fullmatch(line)]
    return [int(cell.replace(",", "")) for cell in first]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal is sent."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, soft_wrap=True, highlight=False, width=120)
    monkeypatch.setattr(progress, "console", console)
    monkeypatch.setattr(terminal, "console", console)
    return file


def test_line_is_printed_of_each_nth_validation_and_of_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(tmp_path, "max_epochs=10", "print_every=4")
    assert steps(capsys.readouterr().out) == [0, 4, 8, 10]


def test_last_line_is_not_printed_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(tmp_path, "max_epochs=4", "print_every=4")
    assert steps(capsys.readouterr().out) == [0, 4]


def test_columns_are_named_once_and_show_what_was_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fit(tmp_path, "max_epochs=2")
    printed = capsys.readouterr().out
    [header] = [line for line in printed.splitlines() if line.split()[:1] == ["step"]]
    assert header.split()[:5] == ["step", "train/loss", "val/loss", "val/mae", "val/r2"]
    [last] = [line.split() for line in printed.splitlines() if line.split()[:1] == ["2"]]
    metrics = run.metrics()
    assert last[1:5] == [f"{metrics[name]:.4f}" for name in header.split()[1:5]]


@pytest.mark.parametrize(
    "study",
    [
        ["experiment=dots"],
        ["experiment=marks"],
        ["experiment=glyphs"],
        ["experiment=rhymes", "data.poems=60", "data.context=16", "net.depth=1"],
    ],
    ids=["regression", "binary", "multiclass", "language"],
)
def test_table_of_every_kind_of_task_fits_eighty_columns(
    study: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ["max_steps=1", "check_val_every_n_epoch=null", "val_check_interval=1"]
    run = RunDirectory.create(tmp_path, plain(composed([*study, *short, "logger=csv"])))
    execute(run.path)
    printed = capsys.readouterr().out.splitlines()
    table = [line for line in printed if line.endswith(" time") or re.search(r"\d:\d\d$", line)]
    assert len(table) >= 3
    assert max(map(len, table)) <= 80


def test_training_loss_is_a_dash_before_there_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit(tmp_path, "max_epochs=1")
    [first] = [
        line.split() for line in capsys.readouterr().out.splitlines() if line.split()[:1] == ["0"]
    ]
    assert first[1] == "–"


def test_log_file_has_the_lines_of_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = fit(tmp_path, "max_epochs=2")
    printed = [line for line in capsys.readouterr().out.splitlines() if line]
    logged = run.log_file.read_text(encoding="utf-8")
    assert [line for line in printed if line not in logged] == []


def test_no_bar_without_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(tmp_path, "max_epochs=2")
    printed = capsys.readouterr()
    assert "time left" not in printed.out + printed.err
    assert "\x1b" not in printed.out + printed.err


def test_bar_on_a_terminal_counts_the_fits_steps(tmp_path: Path, drawn: io.StringIO) -> None:
    fit(tmp_path, "max_epochs=3")
    assert "0/3" in drawn.getvalue()
    assert "steps, time left" in drawn.getvalue()


def test_bar_on_a_terminal_is_taken_away_at_the_end(tmp_path: Path, drawn: io.StringIO) -> None:
    fit(tmp_path, "max_epochs=3")
    assert "time left" not in drawn.getvalue().rsplit("\x1b[2K", 1)[1]
    assert drawn.getvalue().count("\x1b[?25l") == drawn.getvalue().count("\x1b[?25h")


def test_no_bar_is_left_after_an_error(tmp_path: Path, drawn: io.StringIO) -> None:
    with pytest.raises(TrainingError):
        fit(tmp_path, "max_epochs=30", "optimizer.lr=1e6")
    assert drawn.getvalue().count("\x1b[?25l") == drawn.getvalue().count("\x1b[?25h") == 1
