import csv
from pathlib import Path

import pytest
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from seedbed.loggers import CSVLogger, rewind


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def logger(folder: Path) -> CSVLogger:
    return CSVLogger(directory=str(folder))


def written(folder: Path, *steps: int) -> CSVLogger:
    made = logger(folder)
    for step in steps:
        made.log_metrics({"val/loss": 1 / (step + 1)}, step)
    return made


def steps(folder: Path) -> list[int]:
    return [int(row["step"]) for row in rows(folder)]


def test_each_call_adds_a_row(tmp_path: Path) -> None:
    written(tmp_path, 0, 1)
    assert rows(tmp_path) == [
        {"step": "0", "val/loss": "1.0"},
        {"step": "1", "val/loss": "0.5"},
    ]


def test_figures_keep_their_full_precision(tmp_path: Path) -> None:
    written(tmp_path, 2)
    assert float(rows(tmp_path)[0]["val/loss"]) == 1 / 3


def test_late_metric_adds_a_column_and_loses_no_row(tmp_path: Path) -> None:
    made = written(tmp_path, 0, 1)
    made.log_metrics({"test/loss": 3.0}, 1)
    assert rows(tmp_path) == [
        {"step": "0", "val/loss": "1.0", "test/loss": ""},
        {"step": "1", "val/loss": "0.5", "test/loss": ""},
        {"step": "1", "val/loss": "", "test/loss": "3.0"},
    ]


def test_reopened_file_is_continued(tmp_path: Path) -> None:
    written(tmp_path, 0, 1)
    logger(tmp_path).log_metrics({"val/loss": 0.25}, 3)
    assert steps(tmp_path) == [0, 1, 3]


def test_reopened_file_keeps_the_order_of_its_columns(tmp_path: Path) -> None:
    written(tmp_path, 0)
    logger(tmp_path).log_metrics({"test/loss": 2.0, "val/loss": 0.5}, 1)
    assert rows(tmp_path)[1] == {"step": "1", "val/loss": "0.5", "test/loss": "2.0"}


def test_rewind_drops_the_rows_that_the_resumed_fit_will_log_again(tmp_path: Path) -> None:
    made = written(tmp_path, 0, 1, 2, 3)
    made.rewind(2)
    assert steps(tmp_path) == [0, 1, 2]


def test_rewind_drops_a_tests_row_which_the_resumed_run_will_log_again(tmp_path: Path) -> None:
    made = written(tmp_path, 0, 1)
    made.log_metrics({"test/loss": 0.5}, 1)
    made.rewind(1)
    assert steps(tmp_path) == [0, 1]


def test_rewind_to_the_start_drops_every_row(tmp_path: Path) -> None:
    made = written(tmp_path, 0, 0, 1)
    made.rewind(0)
    assert steps(tmp_path) == []


def test_rows_after_a_rewind_go_on_from_there(tmp_path: Path) -> None:
    made = written(tmp_path, 0, 1, 2)
    made.rewind(1)
    made.log_metrics({"val/loss": 0.0}, 2)
    assert steps(tmp_path) == [0, 1, 2]


def test_rewind_before_anything_was_logged_makes_no_file(tmp_path: Path) -> None:
    logger(tmp_path).rewind(5)
    assert list(tmp_path.iterdir()) == []


def test_row_cut_short_by_a_kill_does_not_stop_a_resume(tmp_path: Path) -> None:
    made = written(tmp_path, 0, 1)
    with (tmp_path / "metrics.csv").open("a", encoding="utf-8") as file:
        file.write("2,0.3")
    made.rewind(1)
    made.log_metrics({"val/loss": 0.2}, 2)
    assert steps(tmp_path) == [0, 1, 2]


def test_row_cut_within_its_step_is_not_taken_for_an_earlier_one(tmp_path: Path) -> None:
    made = written(tmp_path, 0, 1)
    with (tmp_path / "metrics.csv").open("a", encoding="utf-8") as file:
        file.write("1")  # of 12
    made.rewind(5)
    assert steps(tmp_path) == [0, 1]


def test_rewriting_leaves_only_the_file_itself(tmp_path: Path) -> None:
    written(tmp_path, 0, 1).rewind(1)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


@pytest.mark.parametrize("number", range(8, 11))
def test_what_is_logged_after_a_fit_of_less_than_a_second_stays_in_sight(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A process numbers its files; TensorBoard sorts those of one second as text, 10 before 9.
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(number))
    monkeypatch.setattr("time.time", lambda: 1e9)
    board = TensorBoardLogger(str(tmp_path), name="", version="")
    rewind(board, 4)
    board.log_metrics({"val/loss": 1.0}, 5)
    board.finalize("success")
    board.log_metrics({"test/loss": 2.0}, 5)
    board.finalize("success")
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert events.Tags()["scalars"] == ["val/loss", "test/loss"]
