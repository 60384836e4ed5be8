"""The figures in `docs/` measured anew, by `make docs-figures` (ONLY=WORD for some of them).

`docs/figures.toml` says of each where it stands, what command gives it, and how to read it there.
The runs lie in `logs/docs-figures`, and what has finished is not trained again, so it goes on where
it stopped. Pages are not rewritten: those figures are reported that moved by more than their own
deviation, or where they have none by more than their last digit.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedbed.config.overrides import quoted
from seedbed.project import LOGS, ROOT
from seedbed.record.run import find_runs
from seedbed.report.comparison import Comparison, compare
from seedbed.terminal import say

TABLE = ROOT / "docs" / "figures.toml"
NUMBER = re.compile(r"-?[\d,]*\.?\d+")


@dataclass(frozen=True)
class Figure:
    """A figure as a page shows it."""

    page: str
    command: str
    """What follows `python train.py`; a sweep."""
    run: str
    """What its table calls the settings."""
    metric: str
    shown: str
    """As on the page: a number, or a mean with its deviation after `±`."""
    last: bool = False
    """Whether it is of the last validation, and not of the best."""

    @property
    def value(self) -> float:
        """The number."""
        return float(_numbers(self.shown)[0].replace(",", ""))

    @property
    def spread(self) -> float:
        """By how much it may move."""
        digits = [len(text.partition(".")[2]) for text in _numbers(self.shown)]
        deviations = [float(text.replace(",", "")) for text in _numbers(self.shown)[1:2]]
        return max([10.0 ** -digits[0], *deviations])


def _numbers(text: str) -> list[str]:
    return NUMBER.findall(text)


def read_figures(table: Path = TABLE) -> list[Figure]:
    """The figures of a table: a part for each command, which lists what is shown by settings."""
    with table.open("rb") as file:
        parts = tomllib.load(file)["sweep"]
    return [
        Figure(part["page"], part["command"], run, part["metric"], shown, part.get("last", False))
        for part in parts
        for run, shown in part["shown"].items()
    ]


def measured(command: str, folder: Path) -> Comparison | None:
    """The figures of a command's runs, those that are missing trained first; None if it failed."""
    words = [*command.split(), f"hydra.sweep.dir={quoted(str(folder))}"]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".log").open("w") as log:
        done = subprocess.run(
            [sys.executable, str(ROOT / "train.py"), *words], stdout=log, stderr=log, check=False
        )
    if done.returncode not in (0, 1) or not folder.is_dir():  # 1: jobs that diverge on purpose
        return None
    return compare(find_runs([folder]))


def compared(figures: Sequence[Figure], folder: Path) -> Iterator[tuple[Figure, float | None]]:
    """Each figure with what it is now, None where there is none; command by command."""
    for command in dict.fromkeys(figure.command for figure in figures):
        place = folder / re.sub(r"[^\w.-]+", "_", command)
        comparison = measured(command, place)
        groups = {group.label: group for group in comparison.groups} if comparison else {}
        for figure in figures:
            if figure.command == command:
                group = groups.get(figure.run)
                read = group and (group.last if figure.last else group.summary)(figure.metric)
                yield figure, read.mean if read else None


def main(words: Sequence[str]) -> int:
    """Measure those figures of whose command or page a word is part; say which have moved."""
    figures = [
        figure
        for figure in read_figures()
        if not words or any(word in f"{figure.page} {figure.command}" for word in words)
    ]
    moved = 0
    for figure, now in compared(figures, LOGS / "docs-figures"):
        has_moved = now is None or not abs(now - figure.value) <= figure.spread
        moved += has_moved
        found = "none" if now is None else f"{now:.4f}"
        mark = "MOVED" if has_moved else "ok"
        say(f"{mark:<6} {figure.page}: {figure.command}, {figure.run}: {figure.shown}, now {found}")
    say(f"{moved} of {len(figures)} figures moved beyond their own spread")
    return bool(moved)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
