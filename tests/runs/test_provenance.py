import subprocess
from pathlib import Path

import pytest

from seedbed.runs import provenance
from seedbed.runs.provenance import git_state


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


def test_clean_checkout_is_its_commit(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD").strip()
    assert git_state(checkout) == {"commit": commit, "diff": "", "untracked": {}}


def test_changes_are_in_the_diff(checkout: Path) -> None:
    (checkout / "src" / "net.py").write_text("new\n")
    assert "\n-old\n+new\n" in git_state(checkout / "src")["diff"]


def test_untracked_files_are_recorded_from_the_whole_checkout(checkout: Path) -> None:
    (checkout / "src" / "新 net.py").write_text("二\n", encoding="utf-8")
    (checkout / "notes.txt").write_text("one")
    assert git_state(checkout / "src")["untracked"] == {"notes.txt": "one", "src/新 net.py": "二\n"}


def test_untracked_file_that_is_no_text_is_recorded_by_its_name(checkout: Path) -> None:
    (checkout / "a.bin").write_bytes(b"\xff\xfe")
    (checkout / "b.bin").write_bytes(b"text\0")
    (checkout / "c").symlink_to("nowhere")
    assert git_state(checkout)["untracked"] == {"a.bin": None, "b.bin": None, "c": None}


def test_untracked_text_is_kept_up_to_a_limit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "KEPT", 10)
    for name, size in (("a", 6), ("b", 5), ("c", 4)):
        (checkout / name).write_text("x" * size)
    assert git_state(checkout)["untracked"] == {"a": "x" * 6, "b": None, "c": "x" * 4}


def test_changed_text_that_is_not_utf8_does_not_stop_the_record(checkout: Path) -> None:
    (checkout / "src" / "net.py").write_bytes(b"caf\xe9\n")
    assert "+caf\ufffd" in git_state(checkout)["diff"]


def test_folder_outside_a_checkout_has_no_commit(tmp_path: Path) -> None:
    assert git_state(tmp_path) == {"commit": None, "diff": None, "untracked": {}}
