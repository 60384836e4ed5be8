from pathlib import Path

import pytest
from filelock import FileLock

from seedbed.record.state import LOCK, state_of

RUNNING = {"state": "running"}


@pytest.mark.parametrize("state", ["finished", "failed", "interrupted"])
def test_run_that_has_ended_is_what_it_says(state: str, tmp_path: Path) -> None:
    assert state_of(tmp_path, {"state": state}) == state


def test_run_that_says_nothing_is_new(tmp_path: Path) -> None:
    assert state_of(tmp_path, {}) == "new"


def test_running_run_is_running_only_while_its_lock_is_held(tmp_path: Path) -> None:
    assert state_of(tmp_path, RUNNING) == "interrupted"
    with FileLock(tmp_path / LOCK):
        assert state_of(tmp_path, RUNNING) == "running"
    assert state_of(tmp_path, RUNNING) == "interrupted"


def test_nothing_is_made_where_one_only_looks(tmp_path: Path) -> None:
    (tmp_path / LOCK).symlink_to("elsewhere")
    state_of(tmp_path, RUNNING)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_run_whose_lock_may_not_be_asked_is_taken_at_its_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    (tmp_path / LOCK).touch()
    monkeypatch.setattr(FileLock, "acquire", refused)  # not by its mode, which root may ignore
    assert state_of(tmp_path, RUNNING) == "running"
