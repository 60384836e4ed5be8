import io
import os
import sys
from pathlib import Path

import pytest
from rich.text import Text

from seedbed.terminal import aligned, log, logged_to, print_any_character, printable, say
from seedbed.terminal.console import PlainConsole


def test_text_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "春 :smile: [red]夜[/red] [link=x]"
    log.info(text)
    assert capsys.readouterr().out == f"{text}\n"


OBEYED = {
    "\x1b[2J": r"\x1b[2J",
    "\x9b2J": r"\x9b2J",
    "a\rb\x08\x7f\x00": r"a\x0db\x08\x7f\x00",
    "a\u202eb\u2066\u200f": r"a\u202eb\u2066\u200f",
    "name \udcff": r"name \xff",
    "\ud800": r"\ud800",
    "line\nline 春": "line\nline 春",
}


@pytest.mark.parametrize("text", OBEYED)
def test_what_a_terminal_would_obey_is_shown_as_a_code(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printable(printable(text)) == OBEYED[text]
    say(text)
    log.info(text)
    say(text, err=True)
    shown = f"{OBEYED[text]}\n"
    assert capsys.readouterr() == (2 * shown, shown)


def test_what_rich_draws_has_no_codes_but_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    PlainConsole().print(Text("\x1b[2J", style="red"))
    assert capsys.readouterr().out == "\\x1b[2J\n"


def test_cell_of_a_table_is_one_line_and_not_too_wide() -> None:
    table = aligned([["name", "n"], ["a\nb\x1b", "12"], ["春", "1"], ["x" * 999, "1"]], [1])
    header, first, second, third = table.splitlines()
    assert first.split() == ["a", r"b\x1b", "12"]
    assert {len(header), len(first), len(second) + 1, len(third)} == {304}
    assert third.split()[0] == "x" * 299 + "…"


def test_time_stands_before_the_first_line_that_is_not_blank(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    with logged_to(path):
        log.info("\n\nbest checkpoint\nsecond line")
    *blank, first, second = path.read_text(encoding="utf-8").splitlines()
    assert blank == ["", ""]
    assert first.endswith("  best checkpoint")
    assert len(first) == len("2026-01-31 12:00:00  best checkpoint")
    assert second == "second line"


def test_trace_of_a_bug_is_in_the_log(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    with pytest.raises(KeyError), logged_to(path):
        raise KeyError
    assert "Traceback (most recent call last)" in path.read_text(encoding="utf-8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_line_that_a_full_disk_does_not_take_is_shown_without_a_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logged_to(Path("/dev/full")):
        log.info("step 1")
    assert capsys.readouterr() == ("step 1\n", "")


def test_character_that_the_encoding_lacks_is_shown_by_its_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="latin-1"))
    print_any_character()
    log.info("é – 春")
    sys.stdout.flush()
    assert shown.getvalue() == b"\xe9 \\u2013 \\u6625\n"


def test_name_that_is_not_utf8_is_logged(tmp_path: Path) -> None:
    with logged_to(tmp_path / "train.log"):
        log.info(os.fsdecode(b"caf\xe9"))
    assert "caf\\xe9" in (tmp_path / "train.log").read_text(encoding="utf-8")


def test_pipe_is_no_terminal_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not PlainConsole().is_terminal
