"""The version that a run's settings are written in."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from seedbed.errors import RunError
from seedbed.record.directory import RunDirectory
from seedbed.record.schema import KEY, VERSION


def test_run_is_written_in_the_present_version(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {"seed": 1})
    assert yaml.safe_load(run.config_file.read_text()) == {KEY: VERSION, "seed": 1}
    assert run.config() == {"seed": 1}


@pytest.mark.parametrize("version", [4, "x", None, [2]])
def test_run_of_another_version_is_refused_in_a_sentence(version: Any, tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {"seed": 1})
    run.config_file.write_text(yaml.safe_dump({KEY: version, "seed": 1}))
    with pytest.raises(RunError, match="opens runs up to 3"):
        run.config()


def test_callback_of_version_2_is_named_where_it_stands_now(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {"seed": 1})
    board = {"_target_": "seedbed.callbacks.board.Board", "thorough": True}
    run.config_file.write_text(yaml.safe_dump({KEY: 2, "callbacks": {"board": board}}))
    moved = {"_target_": "seedbed.looks.board.Board", "thorough": True}
    assert run.config() == {"callbacks": {"board": moved}}


@pytest.mark.parametrize(("version", "room"), [(2, "callbacks"), (VERSION, "looks")])
def test_callback_that_only_looks_is_left_out_where_its_room_is_deleted(
    version: int, room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory.create(tmp_path / "run", {"seed": 1})
    board = {"_target_": f"seedbed.{room}.board.Board"}
    run.config_file.write_text(yaml.safe_dump({KEY: version, "callbacks": {"board": board}}))
    monkeypatch.setattr("seedbed.record.schema.is_there", lambda extra: False)
    assert run.config() == {"callbacks": {"board": None}}
