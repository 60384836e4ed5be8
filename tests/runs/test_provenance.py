import re
import subprocess
from pathlib import Path

import pytest

from seedbed.runs import provenance
from seedbed.runs.provenance import git_state, resumed


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit: a file, and an ignored one."""
    folder = tmp_path / "checkout"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "net.py").write_text("old\n")
    (folder / ".gitignore").write_text("*.ckpt\n")
    (folder / "last.ckpt").write_text("weights")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def texts(folder: Path) -> dict[str, str | None]:
    return {name: file["text"] for name, file in git_state(folder)["untracked"].items()}


def test_clean_checkout_is_its_commit(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD").strip()
    assert git_state(checkout) == {"commit": commit, "diff": "", "untracked": {}}


def test_changes_are_in_the_diff(checkout: Path) -> None:
    (checkout / "src" / "net.py").write_text("new\n")
    assert "\n-old\n+new\n" in git_state(checkout)["diff"]


def test_untracked_code_is_recorded_from_the_whole_checkout(checkout: Path) -> None:
    (checkout / "src" / "新 net.py").write_text("二\n", encoding="utf-8")
    (checkout / "study.yaml").write_text("one")
    assert texts(checkout) == {"src/新 net.py": "二\n", "study.yaml": "one"}


def test_untracked_file_that_is_no_code_is_not_recorded(checkout: Path) -> None:
    (checkout / ".env").write_text("PASSWORD=1")
    assert texts(checkout) == {}


def test_untracked_code_that_is_large_is_recorded_by_its_name(checkout: Path) -> None:
    with (checkout / "a.py").open("wb") as file:
        file.truncate(provenance.LARGEST + 1)
    assert git_state(checkout)["untracked"] == {"a.py": {"sha256": None, "text": None}}


def test_untracked_files_are_recorded_up_to_a_number(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "MOST", 2)
    for name in ("a.py", "b.py", "c.py"):
        (checkout / name).touch()
    assert texts(checkout) == {"a.py": "", "b.py": ""}


def test_untracked_link_out_of_the_checkout_is_not_followed(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("PASSWORD=1")
    (checkout / "a.py").symlink_to(tmp_path / "secret")
    assert git_state(checkout)["untracked"] == {"a.py": {"sha256": None, "text": None}}


def test_diff_is_cut_at_a_limit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "src" / "net.py").write_text("new\n")
    monkeypatch.setattr(provenance, "KEPT", 10)
    assert re.fullmatch(
        r"diff --git\n… cut here: \d+ more characters\n", git_state(checkout)["diff"]
    )


def test_repository_around_the_project_is_not_asked(checkout: Path) -> None:
    (checkout / "src" / "new.py").touch()
    assert git_state(checkout / "src") == {"commit": None, "diff": None, "untracked": {}}


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_variables_of_a_hook_are_not_obeyed(
    name: str, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet", "other")
    usual = git_state(checkout)
    place = {"GIT_WORK_TREE": "other", "GIT_INDEX_FILE": "index"}.get(name, "other/.git")
    monkeypatch.setenv(name, str(tmp_path / place))
    assert git_state(checkout) == usual


def test_refusal_of_gits_is_in_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = tmp_path / "git"
    words = "fatal: dubious ownership\n\tgit config --global --add safe.directory /x"
    refusing.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 128\n")
    refusing.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    refusal = git_state(tmp_path)["refusal"]
    assert refusal == "fatal: dubious ownership git config --global --add safe.directory /x"


def test_untracked_file_that_is_no_text_is_recorded_by_its_name(checkout: Path) -> None:
    (checkout / "a.py").write_bytes(b"\xff\xfe")
    (checkout / "b.py").write_bytes(b"text\0")
    (checkout / "c.py").symlink_to("nowhere")
    assert texts(checkout) == {"a.py": None, "b.py": None, "c.py": None}
    assert git_state(checkout)["untracked"]["c.py"]["sha256"] is None


def test_untracked_text_is_kept_up_to_a_limit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "KEPT", 10)
    for name, size in (("a.py", 6), ("b.py", 5), ("c.py", 4)):
        (checkout / name).write_text("x" * size)
    assert texts(checkout) == {"a.py": "x" * 6, "b.py": None, "c.py": "x" * 4}


def test_changed_text_that_is_not_utf8_does_not_stop_the_record(checkout: Path) -> None:
    (checkout / "src" / "net.py").write_bytes(b"caf\xe9\n")
    assert "+caf\ufffd" in git_state(checkout)["diff"]


def test_folder_outside_a_checkout_has_no_commit(tmp_path: Path) -> None:
    assert git_state(tmp_path) == {"commit": None, "diff": None, "untracked": {}}


def record(number: int, **versions: str) -> dict[str, object]:
    git = {"commit": f"commit {number}", "diff": "+line"}
    start = {"command": [f"start {number}"], "time": f"{number}:00"}
    return start | {"git": git, "versions": versions, "device": "cpu"}


def test_later_starts_are_noted_in_short_beside_the_first() -> None:
    first = record(1, torch="1", numpy="1")
    second, third = record(2, torch="1", numpy="1"), record(3, torch="2", numpy="1")
    found = resumed(resumed(first, second), third)
    starts = found.pop("resumed")
    assert found == first
    assert starts == [
        {"command": ["start 2"], "time": "2:00", "commit": "commit 2"},
        {"command": ["start 3"], "time": "3:00", "commit": "commit 3", "versions": {"torch": "2"}},
    ]


def test_other_device_of_a_later_start_is_noted() -> None:
    later = record(2) | {"device": "cuda"}
    [start] = resumed(record(1), later)["resumed"]
    assert start["device"] == "cuda"
