"""When a run's page is written, and by what."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made import executed as made

from seedbed.record.directory import RunDirectory

Command = Callable[..., Any]


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


def test_run_without_a_report_writes_none(tmp_path: Path) -> None:
    assert not (executed(tmp_path / "run", "report=false").path / "report.html").exists()


def test_picture_that_cannot_be_drawn_does_not_fail_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(view: object) -> None:
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
