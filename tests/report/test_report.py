"""The files of a report, and the verb that writes them."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from fixtures import MakeRun
from made import rows_of
from matplotlib.image import imread
from typer.testing import CliRunner

from seedbed.cli.main import app
from seedbed.record.run import find_runs
from seedbed.report.comparison import compare
from seedbed.report.fits import draw_fits
from seedbed.report.style import drawing
from seedbed.report.write import write_report

POINTS = "input,target,prediction\n-1,-2,-1.5\n0,0,0.5\n1,2,1e30\n"


@pytest.fixture(scope="module")
def sweep(write_run: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two optimizers and two rates; one of the four runs diverged."""
    folder = tmp_path_factory.mktemp("sweep")
    adam = {"_target_": "torch.optim.Adam", "betas": [0.9, 0.999]}
    write_run(folder / "0", [90, 3, 2], optimizer={"lr": 0.1})
    bad = [90, 8e30, math.inf]
    write_run(folder / "1", bad, optimizer={"lr": 1.0}, state="failed", error="It is <inf>.")
    write_run(folder / "2", [90, 50, 40], optimizer={"lr": 0.1, **adam})
    write_run(folder / "3", [90, 4, 1], optimizer={"lr": 1.0, **adam})
    return folder


@pytest.fixture(scope="module")
def output(sweep: Path) -> str:
    """What the command prints of the sweep, whose files it writes there."""
    return command(sweep)


def written(sweep: Path) -> set[str]:
    return {path.name for path in sweep.iterdir() if path.is_file()}


def command(*words: object) -> str:
    result = CliRunner().invoke(app, ["compare", *map(str, words)], env={"COLUMNS": "150"})
    assert result.exit_code == 0, result.output
    return result.output


def test_results_have_a_row_a_run_that_equals_its_own_files(sweep: Path, output: str) -> None:
    rows = rows_of(sweep / "results.csv")
    assert [Path(row["run"]).name for row in rows] == ["3", "0", "2", "1"]
    assert [row["optimizer.lr"] for row in rows] == ["1.0", "0.1", "0.1", "1.0"]
    assert [row["state"] for row in rows] == ["finished", "finished", "finished", "failed"]
    for row in rows[:3]:
        metrics = json.loads((sweep / Path(row["run"]).name / "metrics.json").read_text())
        assert {name: float(row[name]) for name in metrics} == metrics


def test_json_has_the_ranking_and_no_word_else(sweep: Path, tmp_path: Path) -> None:
    ranking = json.loads(command(sweep, "--json", "--out", tmp_path))
    assert (ranking["metric"], ranking["mode"]) == ("val/loss", "min")
    groups = ranking["groups"]
    assert [(g["rank"], g["label"]) for g in groups] == [
        (1, "Adam lr=1"),
        (1, "SGD lr=0.1"),
        (1, "Adam lr=0.1"),
        (None, "SGD lr=1"),
    ]
    assert groups[0]["settings"] == {"optimizer": "Adam", "optimizer.lr": 1.0}
    assert groups[0]["metrics"]["test/loss"] == {"mean": 2.0, "deviation": None, "count": 1}


def test_table_shows_rank_metric_and_state_and_why_a_run_failed(sweep: Path) -> None:
    lines = command(sweep).splitlines()
    assert lines[1].split() == [
        "1=",
        "Adam",
        "lr=1",
        "1.0000",
        "2.0000",
        "1.0000",  # its last validation
        "0.5000",  # and the training loss there
        "1",
        "finished",
        "2",
        "1:05",
    ]
    assert lines[4].split()[:4] == ["–", "SGD", "lr=1", "90.0000"]
    assert f"failed: {sweep / '1'}: It is <inf>." in lines


@pytest.mark.parametrize(
    ("format", "row"),
    [
        ("markdown", "| 1= | Adam lr=1 | 1.0000 | 2.0000 | 1.0000 | 0.5000 | 1 | finished | 2 |"),
        ("latex", "1= & Adam lr=1 & 1.0000 & 2.0000 & 1.0000 & 0.5000 & 1 & finished & 2 &"),
    ],
)
def test_table_is_printed_for_papers_and_pages(
    sweep: Path, tmp_path: Path, format: str, row: str
) -> None:
    assert row in command(sweep, "--format", format, "--out", tmp_path)


@pytest.mark.parametrize("other", [{"monitor": "test/loss"}, {"task": {"loss": "l1"}}])
def test_runs_that_measure_something_else_have_a_table_and_a_page_each(
    make_run: MakeRun, tmp_path: Path, other: dict[str, Any]
) -> None:
    make_run("0", [1.0])
    make_run("1", [1.0], **other)
    output = command(tmp_path / "runs", "--out", tmp_path / "out")
    assert output.count("of the best checkpoint") == 2
    assert len([*(tmp_path / "out").glob("*/report.html")]) == 2


def test_grid_of_two_settings_gives_every_picture_but_fits(sweep: Path, output: str) -> None:
    pictures = {"curves.png", "effects.png", "pairs.png"}
    assert written(sweep) == {"results.csv", "report.html"} | pictures
    assert all(imread(sweep / name).std() > 0 for name in pictures)
    assert not list(sweep.glob(".*"))


def test_picture_that_no_longer_has_anything_to_show_is_removed(
    sweep: Path, output: str, tmp_path: Path
) -> None:
    for name in written(sweep):
        shutil.copy(sweep / name, tmp_path)
    command(sweep / "0", "--out", tmp_path, "--x", "epoch", "--metric", "test/loss")
    assert written(tmp_path) == {"results.csv", "curves.png", "report.html"}


def test_several_places_are_compared_in_a_folder_of_its_own(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.cli.compare.LOGS", tmp_path)
    command(sweep / "0", sweep / "2")
    assert "report.html" in written(tmp_path / "comparison")


def test_fitted_curves_are_drawn_where_runs_left_predictions(
    make_run: MakeRun, tmp_path: Path
) -> None:
    (make_run("0", [2, 1]) / "predictions.csv").write_text(POINTS)
    with drawing():
        assert draw_fits(compare(find_runs([tmp_path])), tmp_path / "fits.png")
    assert imread(tmp_path / "fits.png").std() > 0


def test_page_is_one_file_that_shows_a_strangers_text_as_text(sweep: Path, output: str) -> None:
    page = (sweep / "report.html").read_text()
    assert page.count('src="data:image/png;base64,') == 2
    assert "It is &lt;inf&gt;." in page
    assert "<inf>" not in page
    assert "python train.py seed=1" in page
    assert "/home/me" not in page
    assert "max_steps" in page


def test_odd_and_endless_labels_are_drawn_without_a_warning(
    make_run: MakeRun, tmp_path: Path
) -> None:
    for prompt in ("春夜喜雨", "$x^", "\U0010fffe", "x" * 300):
        make_run(str(len(prompt)) + str(ord(prompt[0])), [4, 2], prompt=prompt)
    write_report(compare(find_runs([tmp_path])), tmp_path / "out")
    assert "春夜喜雨" in (tmp_path / "out" / "report.html").read_text()


def test_run_that_has_not_started_is_reported_alone(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("monitor: val/loss\nmode: min\nexperiment_name: line\n")
    assert " new " in command(tmp_path)
    assert written(tmp_path) == {"config.yaml", "results.csv", "report.html"}
