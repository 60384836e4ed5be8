"""A table of the runs in a folder, from their files alone: torch is never imported.

What cannot be read has its line too, and the reason below, so that one run never hides the others.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from seedbed.errors import RunError
from seedbed.record.files import time
from seedbed.record.run import read_run, run_folders
from seedbed.runs.where import chosen
from seedbed.terminal import aligned

State = Literal["new", "running", "finished", "pruned", "failed", "interrupted", "unreadable"]
GENERATED = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-([0-9a-f]{8})")
"""A directory's name as it is made for a run, of which the last part is shown."""

Column = Literal["name", "state", "metric", "steps", "age", "commit"]


@dataclass(frozen=True)
class Line:
    """One run, as the table shows it."""

    name: str
    """Its place in the folder asked for."""
    state: str
    metric: str
    """The one that decides which checkpoint is best."""
    value: float | None
    """That metric at the best checkpoint so far, where it is a number."""
    lower_is_better: bool
    steps: int
    started: str | None
    """In UTC, ISO 8601."""
    commit: str | None
    changed: bool
    """Whether there were uncommitted changes, or files that git did not track."""
    partial: bool = False
    """Whether its figures are of a part of the data alone."""
    problem: str | None = None
    """Why it cannot be read."""
    typed: str = ""
    """The settings on its command line, or its sweep's."""


def lines(
    folder: Path,
    *,
    state: State | None = None,
    where: Sequence[str] = (),
    sort: Column = "age",
) -> list[Line]:
    """The runs in a folder and below, the newest last, or by another column.

    Args:
        folder: The folder, or a run itself.
        state: Take only runs in this state.
        where: Take only runs whose settings fulfil these, as `optimizer.lr<0.01`.
        sort: The column; the best metric comes first.

    Raises:
        RunError: If there are no runs.
        SettingError: If a condition is none, or no run has its setting.
    """
    both = [_line(path, folder) for path in run_folders([folder])]
    found = [line for line, _ in both]
    if where:
        fulfil = chosen([config for _, config in both], where)
        found = [line for line, fulfils in zip(found, fulfil, strict=True) if fulfils]
    return sorted((line for line in found if state in (None, line.state)), key=KEYS[sort])


def as_text(shown: Sequence[Line]) -> str:
    """The table, a line a run."""
    cells = [["name", "state", "metric", "", "steps", "age", "commit", "typed"]]
    for line in shown:
        value = "–" if line.value is None else f"{line.value:.4f}"
        commit = "–" if line.commit is None else line.commit[:7] + "+" * line.changed
        steps = f"{line.steps:,}"
        state = f"{line.state}, partial" if line.partial else line.state
        name = GENERATED.sub(r"\1", line.name)
        words = [name, state, line.metric, value, steps, _age(line), commit, line.typed]
        cells.append(words)
    problems = [line.problem for line in shown if line.problem]
    table = aligned(cells, to_the_right=(3, 4, 5))
    return "\n".join([table, *([""] if problems else []), *problems])


def as_json(shown: Sequence[Line]) -> list[dict[str, Any]]:
    """The table as plain types."""
    return [asdict(line) for line in shown]


KEYS: dict[Column, Any] = {
    "name": lambda line: line.name,
    "state": lambda line: line.state,
    "metric": lambda line: (
        line.value is None,
        line.metric,
        (line.value or 0.0) * (1 if line.lower_is_better else -1),
    ),
    "steps": lambda line: line.steps,
    "age": lambda line: line.started or "",
    "commit": lambda line: line.commit or "",
}


def _line(path: Path, folder: Path) -> tuple[Line, dict[str, Any]]:
    """A run's line, and its settings."""
    name = str(path.relative_to(folder)) if path != folder else path.name
    try:
        run = read_run(path, drawn=False)
    except RunError as error:
        reason = " ".join(str(error).split())
        return Line(name, "unreadable", "–", None, True, 0, None, None, False, problem=reason), {}
    metric = str(run.config.get("monitor") or "–")
    value = run.figures.get(metric, math.nan)
    line = Line(
        name=name,
        state=run.state,
        metric=metric,
        value=value if math.isfinite(value) else None,
        lower_is_better=run.config.get("mode") != "max",
        steps=run.steps,
        started=run.status.get("started"),
        commit=run.commit,
        changed=run.changed,
        partial=bool(run.partial),
        typed=" ".join(word for word in run.typed if not word.startswith("hydra.")),
    )
    return line, run.config


def _age(line: Line) -> str:
    """Time since it was started, in the largest unit that gives a whole number."""
    if line.started is None:
        return "–"
    seconds = (datetime.now(UTC) - time(line.started)).total_seconds()
    if seconds < 0:
        return "future"  # by another machine's clock
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
