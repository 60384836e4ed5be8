"""The lessons' page, run: each command ends well and prints what the page shows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from shipped import COMPLETE

from seedbed.project import ROOT

pytestmark = pytest.mark.skipif(not COMPLETE, reason="the page is of all shipped studies")

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAMS = {
    "python": [sys.executable],
    "seedbed": [sys.executable, "-P", "-m", "seedbed"],
}
FAILS = "FAILED: "
"""A line that begins so is of a sweep some of whose jobs are meant to fail."""
NEAR = 0.02
"""By how much a number may differ, relatively, from machine to machine."""


def blocks(page: str) -> list[str]:
    return BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))


def commands(block: str) -> list[tuple[str, list[str]]]:
    """Each command of a block, and the lines that are shown of what it prints."""
    shown: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            shown.append((line[2:], []))
        elif line.strip() != "…":
            shown[-1][1].append(line)
    return shown


def number(word: str) -> float | None:
    try:
        return float(word.replace(",", "").rstrip("%"))
    except ValueError:
        return None


def alike(shown: str, printed: str) -> bool:
    """Whether a word is the same, or a number near it."""
    one, other = number(shown), number(printed)
    if shown == printed or one is None or other is None:
        return shown == printed
    return abs(one - other) <= NEAR * max(abs(one), abs(other))


def is_printed(shown: str, output: str) -> bool:
    """Whether a line of the output begins with the words of the shown one."""
    words = shown.split()
    lines = (line.split() for line in output.splitlines())
    return any(
        len(line) >= len(words) and all(alike(*pair) for pair in zip(words, line, strict=False))
        for line in lines
    )


@pytest.mark.slow
@pytest.mark.parametrize("block", blocks("lessons.md"), ids=lambda text: text[2:70].strip())
def test_command_prints_what_the_page_shows(block: str, tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    run = ""
    for count, (command, expected) in enumerate(commands(block)):
        program, *words = shlex.split(command)
        if words[0] == "train.py":
            run = str(tmp_path / str(count))
            kind = "sweep" if "-m" in words or "sweep=" in command else "run"
            words = [str(ROOT / "train.py"), *words[1:], f"hydra.{kind}.dir={run}"]
        words = [run if word == "RUN" else word for word in words]
        done = subprocess.run(
            [*PROGRAMS[program], *words],
            cwd=tmp_path,
            env=environment,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        fails = any(line.startswith(FAILS) for line in expected)
        assert done.returncode == int(fails), done.stdout
        missing = [line for line in expected if not is_printed(line, done.stdout)]
        assert not missing, f"{command}\n{done.stdout}"


def test_both_languages_show_the_same_commands_and_figures() -> None:
    assert blocks("lessons.md") == blocks("lessons.zh.md")
    assert len(blocks("lessons.md")) > 20
