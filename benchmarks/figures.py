"""The figures in `docs/` measured anew, by `make docs-figures` (ONLY=WORD for some of them).

Two kinds are. Blocks of commands and their output, those of the pages (from ```console on) and
those of `docs/figures.toml`, are run as they stand. Of other figures `docs/figures.toml` says where
they are shown, what command gives them, and what they are called there; a single run is a sweep of
one job, which goes on where it stopped. Runs and outputs lie in `logs/docs-figures`, and what has
finished is not done again. Pages are not rewritten: those figures are reported that moved by more
than their own deviation, or where they have none by more than their last digit; and those lines
that are no longer printed.
"""

import math
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import fmean, median, stdev

from benchmarks.console import blocks, commands, printed
from benchmarks.lines import removed
from seedbed.config.overrides import is_multirun, quoted
from seedbed.project import LOGS, ROOT
from seedbed.record.run import Run, find_runs, read_run
from seedbed.report.comparison import Comparison, Group, compare
from seedbed.terminal import say
from seedbed.terminal.console import on_stderr

DOCS = ROOT / "docs"
NUMBER = re.compile(r"-?[\d,]*\.?\d+")
STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "lowest": min,
    "median": median,
    "highest": max,
}


@dataclass(frozen=True)
class Figure:
    """A figure as a page shows it."""

    page: str
    command: str
    """What follows `python train.py`."""
    metric: str
    """As in `metrics.json`; `test/loss` is its mean over seeds, `lowest test/loss` another
    statistic. `last val/loss` is of the last validation, and `250 val/loss` of that at step 250, in
    place of the best checkpoint's. Also `steps`, `bias`, `variance`, `accuracy noise=0.2`.
    """
    run: str
    """What its table calls the settings; empty for the best, and for a single run."""
    shown: str
    """As on the page: a number, or a mean with its deviation after `±`."""

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


def _file_name(command: str) -> str:
    return re.sub(r"[^\w.-]+", "_", command)


def _numbers(text: str) -> list[str]:
    return NUMBER.findall(text.replace("\N{MINUS SIGN}", "-"))


def read_figures() -> list[Figure]:
    """The figures of the table: for each command the metrics, each a text, or one by settings."""
    with (DOCS / "figures.toml").open("rb") as file:
        parts = tomllib.load(file)["figures"]
    return [
        Figure(part["page"], part["command"], metric, run, shown)
        for part in parts
        for metric, cells in part["shown"].items()
        for run, shown in (cells if isinstance(cells, dict) else {"": cells}).items()
    ]


def read_blocks() -> list[tuple[str, str]]:
    """Blocks of commands with their pages: those of the pages, and those of the table."""
    with (DOCS / "figures.toml").open("rb") as file:
        parts = tomllib.load(file).get("output", [])
    pages = [page for page in sorted(DOCS.glob("*.md")) if ".zh" not in page.suffixes]
    return [
        *((f"docs/{page.name}", block) for page in pages for block in blocks(page)),
        *((part["page"], part["block"]) for part in parts),
    ]


def measured(command: str, folder: Path, *, tested: bool = False) -> Comparison | None:
    """The figures of a command's runs, those that are missing trained first; None if it failed.

    Args:
        command: What follows `python train.py`.
        folder: The sweep's directory.
        tested: Whether all its runs are tested, and not the best alone.
    """
    words = [*command.split(), f"hydra.sweep.dir={quoted(str(folder))}"]
    if not is_multirun(words):
        words.insert(0, "-m")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".log").open("w") as log:
        done = subprocess.run(
            [sys.executable, str(ROOT / "train.py"), *words], stdout=log, stderr=log, check=False
        )
    if done.returncode not in (0, 1) or not folder.is_dir():  # 1: jobs that diverge on purpose
        return None
    runs = find_runs([folder])
    return compare([_tested(run) for run in runs] if tested else runs)


def _tested(run: Run) -> Run:
    """A run whose test part has been opened, now if need be."""
    if not run.finished or any(name.startswith("test/") for name in run.figures):
        return run
    from seedbed.runs.evaluate import evaluate  # torch

    with on_stderr():
        evaluate(run.path, split="test", by="docs-figures")
    return read_run(run.path)


def compared(figures: Sequence[Figure], folder: Path) -> Iterator[tuple[Figure, list[float]]]:
    """Each figure with what it is now, a value a run; command by command."""
    for command in dict.fromkeys(figure.command for figure in figures):
        mine = [figure for figure in figures if figure.command == command]
        place = folder / _file_name(command)
        tested = any(each.run and _is_of_test(each) for each in mine)
        comparison = measured(command, place, tested=tested)
        for figure in mine:
            groups = comparison.groups if comparison else ()
            group = next((each for each in groups if figure.run in ("", each.label)), None)
            yield figure, [*_values(group, figure.metric)] if group else []


def _is_of_test(figure: Figure) -> bool:
    return "test/" in figure.metric or figure.metric.startswith(("accuracy ", "bias", "variance"))


def _values(group: Group, metric: str) -> Iterator[float]:
    """A metric of each run; the two that are of all of them once."""
    how, _, name = metric.rpartition(" ")
    if name in ("bias", "variance"):
        yield from [group.bias_and_variance[name == "variance"]] if group.bias_and_variance else []
        return
    for run in group.counted:
        if name == "steps":
            yield run.steps
        elif how == "accuracy":
            kind, strength = name.split("=")
            rows = (row for row in run.robustness if row.get(kind) == float(strength))
            yield from (row["accuracy"] for row in rows)
        elif how.isdigit():
            yield dict(run.curve(name, "step")).get(int(how), math.nan)
        else:
            yield (run.last if how == "last" else run.figures).get(name, math.nan)


def has_moved(figure: Figure, values: Sequence[float]) -> tuple[bool, str]:
    """Whether a figure's new values are further from it than its spread; and what it is now.

    Where the page shows no deviation of a mean, that of the new values stands for it.
    """
    if not values or math.isnan(sum(values)):
        return True, f"none (see logs/docs-figures/{_file_name(figure.command)}.log)"
    now = STATISTICS.get(figure.metric.split()[0], fmean)(values)
    spread = stdev(values) if len(values) > 1 else 0.0
    return not abs(now - figure.value) <= max(figure.spread, spread), f"{now:.4f}"


def main(words: Sequence[str]) -> int:
    """Measure those figures of whose command or page a word is part; say which have moved."""

    def chosen(page: str, command: str) -> bool:
        if words and not any(word in text for word in words for text in (page, command)):
            return False
        if gone := removed(command):
            say(f"{page}: {gone} was removed, so its figures are not measured")
        return gone is None

    moved, count = 0, 0
    for page, block in read_blocks():
        if chosen(page, block):
            for right, text in _lines(block, LOGS / "docs-figures"):
                moved, count = moved + (not right), count + 1
                say(f"{'ok' if right else 'MOVED':<6} {page}: {text}")
    figures = [each for each in read_figures() if chosen(each.page, each.command)]
    for figure, values in compared(figures, LOGS / "docs-figures"):
        is_moved, now = has_moved(figure, values)
        moved, count = moved + is_moved, count + 1
        what = ", ".join(filter(None, (figure.command, figure.run, figure.metric)))
        mark = "MOVED" if is_moved else "ok"
        say(f"{mark:<6} {figure.page}: {what}: {figure.shown}, now {now}")
    say(f"{moved} of {count} figures moved beyond their own spread")
    return bool(moved)


def _lines(block: str, folder: Path) -> Iterator[tuple[bool, str]]:
    """Whether each shown line of a block is printed, or its command fails; with both as a text."""
    typed = "\n".join(command for command, _ in commands(block))
    name = f"{_file_name(typed)[:80]}{sha256(typed.encode()).hexdigest()[:8]}"
    for done in printed(block, folder / name):
        for line in done.shown:
            yield line not in done.missing, f"{done.command}: {' '.join(line.split())}"
        if done.failed:
            yield False, f"{done.command}: failed, see logs/docs-figures/{name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
