"""What is seen of a sweep while it runs: a live table, or lines where there is no terminal."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Literal

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from seedbed.errors import RunError
from seedbed.report.comparison import duration
from seedbed.sweep.ledger import Job, Result
from seedbed.sweep.pruning import read_curve
from seedbed.terminal.console import PlainConsole

COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("job", "right"),
    ("settings", "left"),
    ("state", "left"),
    ("metric", "right"),
    ("time", "right"),
)


@dataclass
class _Row:
    number: int
    job: Job
    result: Result
    began: float
    seconds: float = 0.0


@dataclass
class Board:
    """Shows jobs as they begin and end."""

    total: int
    """How many there will be."""
    workers: int
    """How many run at a time."""
    metric: str | None
    """The one that decides, if one does."""
    mode: Literal["min", "max"]
    best: tuple[float, str] | None = None
    """The metric's best value yet, and its job's settings."""
    _rows: list[_Row] = field(default_factory=list)
    _found: int = 0
    _console: PlainConsole = field(default_factory=PlainConsole)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Draw the table, where there is a terminal to draw it on."""
        if not self._console.is_terminal:
            yield
            return
        with Live(self, console=self._console, refresh_per_second=1, transient=True):
            yield

    def say(self, text: str) -> None:
        """Print a line, above the table."""
        self._console.print(Text(text))

    def found(self, job: Job, result: Result) -> None:
        """Count a job that had its result before."""
        self._found += 1
        self._note_best(job, result)

    def began(self, job: Job) -> None:
        """Show that a job runs."""
        number = self._found + len(self._rows) + 1
        self._rows.append(_Row(number, job, Result("running"), time.monotonic()))

    def ended(self, job: Job, result: Result) -> None:
        """Show how a job ended; an error at once."""
        [row] = [row for row in self._rows if row.job == job]
        row.result, row.seconds = result, time.monotonic() - row.began
        self._note_best(job, result)
        if not result.done:
            self.say(f"FAILED: {job.label}: {result.error}\n    {job.run.path}")
        if not self._console.is_terminal:
            value = "" if result.value is None else f"  {self.metric} {result.value:.4f}"
            self.say(
                f"{row.number}/{self.total}  {job.label}  {result.state}{value}  {self._summary()}"
            )

    @property
    def _left(self) -> float | None:
        """Seconds to the end, if the jobs to come take as long as those so far."""
        times = [row.seconds for row in self._rows if row.seconds]
        if not times:
            return None
        return (self.total - self._found - len(times)) * sum(times) / len(times) / self.workers

    def _note_best(self, job: Job, result: Result) -> None:
        if result.value is not None and math.isfinite(result.value):
            here = result.value, job.label
            better = min if self.mode == "min" else max
            self.best = better(self.best or here, here, key=itemgetter(0))

    def _summary(self) -> str:
        words = [] if self.best is None else [f"best {self.best[0]:.4f}"]
        if self._left is not None:
            words.append(f"{duration(self._left)} left")
        return "  ".join(words)

    def __rich__(self) -> RenderableType:
        done = self._found + sum(row.result.state != "running" for row in self._rows)
        failed = sum(not row.result.done and row.result.state != "running" for row in self._rows)
        heading = f"{done} of {self.total} jobs" + (f", {failed} failed" if failed else "")
        if self.best:
            heading += f"; best {self.metric} {self.best[0]:.4f}: {self.best[1]}"
        if self._left is not None:
            heading += f"; {duration(self._left)} left"
        table = Table(box=None, pad_edge=False)
        for name, justify in COLUMNS:
            table.add_column((self.metric or "–") if name == "metric" else name, justify=justify)
        for row in self._rows[-max(3, self._console.height - 4) :]:
            table.add_row(*self._cells(row))
        return Group(Text(heading, overflow="ellipsis", no_wrap=True), table)

    def _cells(self, row: _Row) -> Iterator[Text]:
        running = row.result.state == "running"
        value = self._so_far(row.job) if running else row.result.value
        seconds = time.monotonic() - row.began if running else row.seconds
        yield Text(str(row.number))
        yield Text(row.job.label, overflow="ellipsis", no_wrap=True)
        yield Text(row.result.state, style="" if running or row.result.done else "red")
        yield Text("–" if value is None else f"{value:.4f}")
        yield Text(duration(seconds))

    def _so_far(self, job: Job) -> float | None:
        """The best value of a job that runs."""
        try:
            values = read_curve(job.run.path, self.metric or "").values()
        except RunError:  # just being written
            return None
        return (min if self.mode == "min" else max)(values, default=None)
