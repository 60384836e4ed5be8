"""When a run's page is written, and by what."""

import json
import os
import shutil
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest
from fixtures import Command
from made import executed as made

from seedbed.record.directory import RunDirectory


def executed(folder: Path, *overrides: str) -> RunDirectory:
    return made(folder, "max_epochs=2", "data.held_out=20", "report=true", *overrides)


def test_fit_ends_by_naming_the_page_it_has_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = executed(tmp_path / "run", "optimizer.lr=0.02")
    page = run.path / "report.html"
    assert capsys.readouterr().out.splitlines()[-1] == f"report: {page}"
    assert run.log_file.read_text().splitlines()[-1].endswith(f"report: {page}")
    text = page.read_text()
    assert '<strong class="good">finished</strong>' in text
    assert "optimizer.lr" in text
    assert "in the experiment: 0.01" in text


def test_picture_that_cannot_be_drawn_does_not_fail_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("seedbed.report.picture.pictures_of", broken)
    assert executed(tmp_path / "run").state() == "finished"
    assert "report: not written (ZeroDivisionError: by nothing)" in capsys.readouterr().out


def test_page_is_written_on_request(line: RunDirectory, tmp_path: Path, seedbed: Command) -> None:
    run = tmp_path / "run"
    shutil.copytree(line.path, run)
    assert seedbed("report", run).out == f"report: {run / 'report.html'}\n"
    assert "finished" in (run / "report.html").read_text()


def test_page_of_a_run_without_a_checkpoint_has_no_pictures(
    line: RunDirectory, tmp_path: Path, seedbed: Command
) -> None:
    run = tmp_path / "run"
    shutil.copytree(line.path, run, ignore=shutil.ignore_patterns("*.ckpt", "metrics.json"))
    called = seedbed("report", run)
    assert called.status == 0
    assert "no pictures: " in called.out
    assert "<img" not in (run / "report.html").read_text()


def test_open_prints_the_page_and_writes_it_if_need_be(
    line: RunDirectory, tmp_path: Path, seedbed: Command
) -> None:
    run = tmp_path / "run"
    shutil.copytree(line.path, run)
    called = seedbed("open", run, "--print")
    assert called.out.splitlines()[-1] == str(run / "report.html")
    assert (run / "report.html").exists()


def test_open_shows_the_page_in_a_browser_where_there_is_a_screen(
    line: RunDirectory, tmp_path: Path, seedbed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: not opened.append(url))
    monkeypatch.setenv("DISPLAY", ":0")
    (tmp_path / "report.html").touch()
    assert seedbed("open", tmp_path).out == ""
    assert opened == [(tmp_path / "report.html").as_uri()]


def test_folder_without_a_run_is_explained(tmp_path: Path, seedbed: Command) -> None:
    for verb in ("report", "open"):
        called = seedbed(verb, tmp_path)
        assert (called.status, "config.yaml" in called.err) == (2, True)


ODD = {
    "malformed": lambda file: file.write_bytes(b"step,{\n\xff\x00[nan\n"),
    "empty": lambda file: file.write_bytes(b""),
    "huge": lambda file: os.truncate(file, 2**40),
    "pipe": lambda file: (file.unlink(), os.mkfifo(file)),
    "folder": lambda file: (file.unlink(), file.mkdir()),
    "missing": lambda file: file.unlink(),
}
FILES = (
    *("status.json", "provenance.json", "metrics.json", "metrics.csv", "batches.csv"),
    *("layers.csv", "classes.csv", "predictions.csv", "robustness.csv", "doctor.json"),
    *("train.log", "samples.jsonl"),
)


@pytest.mark.parametrize(
    ("name", "odd"),
    [(name, "malformed") for name in FILES]
    + [
        pytest.param(name, odd, marks=pytest.mark.slow)
        for name, odd in zip(FILES, cycle(list(ODD)[1:]), strict=False)
    ],
)
def test_odd_file_hides_no_more_of_the_page_than_itself(
    name: str, odd: str, make_run: Callable[..., Path], seedbed: Command
) -> None:
    run = make_run("run", [3.0, 2.0], notes="what for")
    for file in ("batches.csv", "layers.csv", "classes.csv"):
        (run / file).write_text("step,loss\n1,2\n2,1\n")
    (run / name).touch()
    ODD[odd](run / name)
    called = seedbed("report", run)
    assert called.status == 0, called.err
    page = (run / "report.html").read_text()
    assert "what for" in page
    assert name == "metrics.csv" or "Loss" in page
    named = name not in ("doctor.json", "train.log", "samples.jsonl")
    assert (f"{name}: cannot be read" in page) == (named and odd not in ("empty", "missing")) or (
        odd == "empty" and name.endswith(".json")
    )


@pytest.mark.parametrize("odd", ODD)
def test_run_of_odd_files_alone_has_its_settings_on_the_page(
    odd: str, make_run: Callable[..., Path], seedbed: Command
) -> None:
    run = make_run("run", [3.0, 2.0], notes="what for")
    for name in FILES:
        (run / name).touch()
        ODD[odd](run / name)
    called = seedbed("report", run)
    assert called.status == 0, called.err
    assert "what for" in (run / "report.html").read_text()


ESCAPES = "\x1b]0;owned\x07<script>alert(1)</script>\x9b31m\u202e"


def test_strangers_words_are_neither_markup_nor_escapes_on_the_page(
    make_run: Callable[..., Path], seedbed: Command
) -> None:
    run = make_run(
        "<b>\x1b[31m",
        *([3.0, 2.0],),
        state="failed",
        error=ESCAPES,
        notes=ESCAPES,
        tags=[ESCAPES],
        monitor=f"val/{ESCAPES}",
        experiment_name=ESCAPES,
        **{ESCAPES: {ESCAPES: ESCAPES}},
    )
    record = {
        **{"command": ["x", ESCAPES], "git": {"commit": ESCAPES}, "versions": {ESCAPES: ESCAPES}},
        **{"data": {ESCAPES: ESCAPES, "sha256": ESCAPES}, "weights": {"a": ESCAPES}},
        **{"hardware": {"accelerators": [ESCAPES]}, "resumed": [{"command": [ESCAPES]}]},
        **{"test_opened": [{"by": ESCAPES}], "device": ESCAPES},
    }
    (run / "provenance.json").write_text(json.dumps(record))
    (run / "metrics.csv").write_text(f"step,val/loss,val/{ESCAPES}\n1,2,3\n2,3,4\n")
    (run / "metrics.json").write_text(json.dumps({f"val/{ESCAPES}": 1, "val/loss": 2}))
    (run / "train.log").write_text(f"2026-01-01 00:00:00  {ESCAPES}\n")
    called = seedbed("report", run)
    assert called.status == 0, called.err
    page = (run / "report.html").read_bytes().decode()
    assert page.count("owned") > 10
    assert "<script>alert" not in page
    assert "<b>" not in page
    assert not set(page) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert not set(called.out + called.err) & {"\x1b", "\x07", "\x9b", "\u202e"}


@pytest.mark.parametrize(
    "values",
    [
        ["1e308,-1e308", "-1e308,1e308"],
        ["nan,inf", "-inf,nan"],
        [",", ","],
        ["1e-320,0", "1e300,-0.0"],
    ],
)
@pytest.mark.parametrize("steps", [(0, 2**53 - 1), (1, 1)])
def test_any_number_can_be_drawn(
    steps: tuple[int, int], values: list[str], make_run: Callable[..., Path], seedbed: Command
) -> None:
    run = make_run("run", [3.0, 2.0])
    rows = "".join(f"{step},{row},{row}\n" for step, row in zip(steps, values, strict=True))
    (run / "metrics.csv").write_text(
        f"step,val/loss,train/loss,learning_rate,train/gradient_norm\n{rows}"
    )
    (run / "batches.csv").write_text(f"step,loss,learning_rate,a,b\n{rows}")
    assert seedbed("report", run).status == 0
