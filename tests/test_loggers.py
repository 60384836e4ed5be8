import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loggers.logger import DummyLogger
from made import rows_of
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from seedbed.lightning_private import keep_from_evaluation_batches
from seedbed.loggers import CSVLogger, rewind


def rows(folder: Path) -> list[dict[str, str]]:
    return rows_of(folder / "metrics.csv")


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


def test_file_removed_in_mid_run_begins_anew_with_its_header(tmp_path: Path) -> None:
    made = written(tmp_path, 0, 1)
    (tmp_path / "metrics.csv").unlink()
    made.log_metrics({"val/loss": 0.25}, 2)
    assert rows(tmp_path) == [{"step": "2", "val/loss": "0.25"}]


def test_resume_without_the_file_says_that_it_begins_anew(tmp_path: Path) -> None:
    said = logger(tmp_path).rewind(3)
    assert said == f"{tmp_path}/metrics.csv is not there: it begins anew after step 3"


@pytest.mark.parametrize(
    "row", ["x,0.5", "1", "1,2,3", "1.5,2", ",", "\udcff,0", "1,\0", "9" * 5000 + ",1", '1,"2']
)
def test_row_that_is_mangled_is_left_out_and_reported(row: str, tmp_path: Path) -> None:
    made = written(tmp_path, 0, 1)
    with (tmp_path / "metrics.csv").open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(f"{row}\n")
    assert made.rewind(5) == f"{tmp_path}/metrics.csv: 1 damaged rows are left out"
    made.log_metrics({"val/loss": 0.25}, 6)
    assert steps(tmp_path) == [0, 1, 6]


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 99, b"a,b\n1,2\n", b"step,step\n", b"step,\xff\n"]
)
def test_file_without_its_header_is_set_aside_and_reported(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_bytes(content)
    made = logger(tmp_path)
    said = made.rewind(1)
    assert said
    assert said.endswith("is damaged and set aside as metrics.csv.damaged: it begins anew")
    made.log_metrics({"val/loss": 0.5}, 2)
    assert rows(tmp_path) == [{"step": "2", "val/loss": "0.5"}]


def test_clock_set_back_before_a_resume_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for now, after, steps in ((2e9, 0, (1, 2, 3)), (1e9, 2, (3, 4)), (1e9, 4, (5,))):
        monkeypatch.setattr("time.time", lambda now=now: now)
        board = TensorBoardLogger(str(tmp_path), name="", version="")
        rewind(board, after)
        for step in steps:
            board.log_metrics({"val/loss": now + step}, step)
        board.finalize("success")
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.step for event in events.Scalars("val/loss")] == [1, 2, 3, 4, 5]


def test_writer_of_curves_that_fails_prints_no_trace(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    board = TensorBoardLogger(str(tmp_path / "run"), name="", version="")
    rewind(board, 0)
    board.log_metrics({"val/loss": 1.0}, 1)
    board.save()
    shutil.rmtree(tmp_path / "run")
    board.log_metrics({"val/loss": 1.0}, 2)
    with pytest.raises(FileNotFoundError):
        board.save()
    assert capfd.readouterr().err == ""


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


def test_loggers_are_all_there_again_where_a_batch_of_an_evaluation_raises() -> None:
    csv, other = logger(Path()), DummyLogger()
    trainer: Any = SimpleNamespace(loggers=[csv, other])

    def update(step: int) -> None:
        assert trainer.loggers == [other]
        raise KeyboardInterrupt

    trainer._logger_connector = SimpleNamespace(update_eval_step_metrics=update)
    keep_from_evaluation_batches(trainer, CSVLogger)
    with pytest.raises(KeyboardInterrupt):
        trainer._logger_connector.update_eval_step_metrics(0)
    assert trainer.loggers == [csv, other]
