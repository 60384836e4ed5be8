"""Blocks of commands and of what they print, run: whether a page still shows the truth.

A line that begins with `$` is a command, `…` stands for lines that are left out, and any other line
has to be the beginning of a printed one, word for word but for numbers, which differ a little from
machine to machine.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seedbed.config.overrides import is_multirun
from seedbed.project import ROOT

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAMS = {
    "python": [sys.executable],
    "seedbed": [sys.executable, "-P", "-m", "seedbed"],
}
FAILS = "FAILED: "
"""A line that begins so is of a sweep some of whose jobs are meant to fail."""
NEAR = 0.02
"""By how much a number may differ, relatively, from machine to machine."""


def blocks(page: Path) -> list[str]:
    """The blocks of a page."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def commands(block: str) -> list[tuple[str, list[str]]]:
    """Each command of a block, and the lines that are shown of what it prints."""
    shown: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            shown.append((line[2:], []))
        elif line.strip() != "…":
            shown[-1][1].append(line)
    return shown


@dataclass(frozen=True)
class Printed:
    """A command that was run."""

    command: str
    shown: list[str]
    """Lines of its output, as the block has them."""
    output: str
    failed: bool
    """Whether it ended in another way than the block shows."""

    @property
    def missing(self) -> list[str]:
        """The lines that are shown and were not printed."""
        return [line for line in self.shown if not is_printed(line, self.output)]


def printed(block: str, folder: Path) -> Iterator[Printed]:
    """Run a block's commands one after the other; `RUN` is the run or sweep of the last one.

    Args:
        block: The commands and what is shown of their output.
        folder: Where runs and outputs are kept. A command whose output is there is not run again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = ""
    for count, (command, shown) in enumerate(commands(block)):
        program, *words = shlex.split(command)
        if words[0] == "train.py":
            kind = "sweep" if is_multirun(words) else "run"
            run = str(folder / f"{count}")
            words = [str(ROOT / "train.py"), *words[1:], f"hydra.{kind}.dir={run}"]
        words = [run if word == "RUN" else word for word in words]
        kept = folder / f"{count}.txt"
        failed = False
        if not kept.exists():
            if run == str(folder / f"{count}"):
                shutil.rmtree(run, ignore_errors=True)  # of a command that was interrupted
            fails = any(line.startswith(FAILS) for line in shown)
            failed = _run([*PROGRAMS[program], *words], kept.with_suffix(".part")) != int(fails)
            if not failed:
                kept.with_suffix(".part").replace(kept)
        output = (kept.with_suffix(".part") if failed else kept).read_text(encoding="utf-8")
        yield Printed(command, shown, output, failed)


def _run(words: list[str], output: Path) -> int:
    """Run a command in the folder of its output, on one thread; return its status."""
    with output.open("w") as file:
        return subprocess.run(
            words,
            cwd=output.parent,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode


def is_printed(shown: str, output: str) -> bool:
    """Whether a line of the output begins with the words of the shown one."""
    words = shown.split()
    lines = (line.split() for line in output.splitlines())
    return any(
        len(line) >= len(words) and all(_alike(*pair) for pair in zip(words, line, strict=False))
        for line in lines
    )


def _alike(shown: str, printed: str) -> bool:
    """Whether a word is the same, or a number near it."""
    one, other = _number(shown), _number(printed)
    if shown == printed or one is None or other is None:
        return shown == printed
    return abs(one - other) <= NEAR * max(abs(one), abs(other))


def _number(word: str) -> float | None:
    try:
        return float(word.strip("(),;%").replace(",", ""))
    except ValueError:
        return None
