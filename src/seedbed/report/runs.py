"""Runs as their files tell them: settings, state, metrics and curves.

Nothing but the files is read, so a run can be reported that another machine or version made, or
that is still going. What a file does not hold yet is left out; only a `config.yaml` must be there.
"""

import csv
import json
import math
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from seedbed.errors import RunError
from seedbed.record.state import state_of
from seedbed.terminal import log

Axis = Literal["step", "epoch"]
"""What a curve's points are counted in."""


@dataclass(frozen=True)
class Run:
    """What the files of a run's directory say."""

    path: Path
    config: dict[str, Any]
    """The resolved settings, flat: `optimizer.lr` and so on."""
    status: dict[str, Any]
    """What `status.json` says; its `state` is how the run really stands."""
    final: dict[str, float]
    """The best checkpoint's metrics, once the run has finished."""
    log: list[dict[str, float]]
    """What was logged, a row each time."""
    command: str
    commit: str | None
    """What git had checked out as it began."""
    changed: bool
    """Whether there were files that this commit does not hold so."""
    resumed: bool
    """Whether a later start went on from a checkpoint."""

    @property
    def state(self) -> str:
        """`new`, `running`, `finished`, `pruned` by its sweep, `failed` or `interrupted`."""
        state = str(self.status["state"])
        return "pruned" if state == "finished" and "pruned" in self.status else state

    @property
    def finished(self) -> bool:
        """Whether its figures are its last word."""
        return self.state in ("finished", "pruned")

    @property
    def error(self) -> str:
        """The first line of what ended it; empty if nothing did."""
        return next(iter(str(self.status.get("error", "")).splitlines()), "")

    @property
    def steps(self) -> int:
        """Steps taken up to the last row of the log."""
        return max((int(row["step"]) for row in self.log if "step" in row), default=0)

    @property
    def seconds(self) -> float | None:
        """How long it ran; None while it runs, or if it was resumed: a killed start has no end."""
        if self.resumed:
            return None
        try:
            started, ended = (datetime.fromisoformat(self.status[k]) for k in ("started", "ended"))
        except (KeyError, TypeError, ValueError):
            return None
        return (ended - started).total_seconds()

    @cached_property
    def figures(self) -> dict[str, float]:
        """The best checkpoint's metrics; of an unfinished run, those of its best validation yet."""
        if self.final:
            return self.final
        monitor = str(self.config.get("monitor"))
        rows = [row for row in self.log if math.isfinite(row.get(monitor, math.nan))]
        if not rows:
            return {}
        best = max if self.config.get("mode") == "max" else min
        return _measured(best(rows, key=lambda row: row[monitor]))

    @cached_property
    def last(self) -> dict[str, float]:
        """The metrics of the last validation, which shows over-fitting that the best does not."""
        rows = filter(None, map(_measured, reversed(self.log)))  # the test's has none
        return next(rows, {})

    def curve(self, metric: str, axis: Axis) -> list[tuple[float, float]]:
        """A metric's values over steps or epochs; of several in an epoch, the last."""
        points = {_place(row, axis): row[metric] for row in self.log if metric in row}
        return sorted(points.items())

    def predictions(self) -> list[tuple[float, float, float]]:
        """Inputs, targets and predictions of `predictions.csv`; empty where there is none."""
        rows = read_rows(self.path / "predictions.csv")
        return [(row["input"], row["target"], row["prediction"]) for row in rows]

    def robustness(self) -> list[dict[str, float]]:
        """The rows of `robustness.csv`; empty where there is none."""
        return read_rows(self.path / "robustness.csv")


def _measured(row: Mapping[str, float]) -> dict[str, float]:
    return {k: v for k, v in row.items() if k.startswith(("train/", "val/"))}


def find_runs(places: Sequence[Path]) -> list[Run]:
    """Read the runs at `places`: a run's own directory, or a folder, which means all below it.

    One that cannot be read is left out, and said to be.

    Raises:
        RunError: If there are none, or none can be read.
    """
    found, errors = [], []
    for folder in run_folders(places):
        try:
            found.append(read_run(folder))
        except RunError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    for problem in errors:
        log.info(f"left out: {problem}")
    return found


def run_folders(places: Sequence[Path]) -> list[Path]:
    """The directories of the runs at `places`, each once.

    Raises:
        RunError: If a place has none.
    """
    found: dict[Path, Path] = {}
    for place in places:
        if not place.is_dir():
            raise RunError(f"{place}: expected a run's directory, or a folder of runs; no such.")
        folders = list(_run_folders(place, set()))
        if not folders:
            raise RunError(
                f"{place}: expected a run's directory, or a folder of runs; no config.yaml is "
                "there or below. Runs are made by python train.py."
            )
        for folder in folders:
            found.setdefault(folder.resolve(), folder)
    return list(found.values())


def read_run(folder: Path) -> Run:
    """Read the files of one run.

    Raises:
        RunError: If one of them is there and cannot be read, or there are no settings.
    """
    file = folder / "config.yaml"
    try:
        config = yaml.load(
            file.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RunError(f"{file}: cannot be read ({error}).") from None
    if not isinstance(config, dict):
        raise RunError(
            f"{file}: expected settings by name. Was its run killed as it began? Remove it."
        )
    status, record = _json(folder / "status.json"), _json(folder / "provenance.json")
    words, git = record.get("command") or [], record.get("git") or {}
    return Run(
        path=folder,
        config=dict(flat(config)),
        status=status | {"state": state_of(folder, status)},
        final=_numbers(folder / "metrics.json"),
        log=read_rows(folder / "metrics.csv"),
        command=shlex.join(["python", *map(str, words[1:])]) if words else "",
        commit=git.get("commit"),
        changed=bool(git.get("diff") or git.get("untracked")),
        resumed="resumed" in record,
    )


def _run_folders(place: Path, seen: set[str]) -> Iterator[Path]:
    """Runs at or below a place, in the order of their names, 10 after 9; no folder twice."""
    real = os.path.realpath(place)
    if real in seen:  # links to folders above them would have no end
        return
    seen.add(real)
    try:
        is_run = any((place / name).is_file() for name in ("config.yaml", "status.json"))
        below = [] if is_run else [path for path in place.iterdir() if path.is_dir()]
    except OSError:  # it may not be looked into, which whoever reads it will be told
        is_run, below = True, []
    if is_run:
        yield place
    folders = [path for path in below if not path.name.startswith(".")]
    for folder in sorted(folders, key=lambda path: (not path.name.isdigit(), path.name.zfill(9))):
        yield from _run_folders(folder, seen)


def flat(node: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested mappings by their dotted names: `optimizer.lr` and so on."""
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _place(row: Mapping[str, float], axis: Axis) -> float:
    if axis == "step":
        return row.get("step", 0.0)
    # A validation of the fit is logged in the epoch it ends, counted from 0; the first of all is
    # before any.
    return row.get("epoch", 0.0) + ("train/loss" in row)


def _json(file: Path) -> dict[str, Any]:
    """A JSON file's content; empty where there is none yet."""
    try:
        loaded = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read ({error}).") from None
    if not isinstance(loaded, dict):
        raise RunError(f"{file}: expected values by name.")
    return loaded


def _numbers(file: Path) -> dict[str, float]:
    """The metrics of a JSON file, in which null is what is no number."""
    try:
        return {name: math.nan if x is None else float(x) for name, x in _json(file).items()}
    except (TypeError, ValueError) as error:
        raise RunError(f"{file}: cannot be read ({error}).") from None


def read_rows(file: Path) -> list[dict[str, float]]:
    """The numbers of a CSV file by column; empty cells are left out."""
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            return [
                {name: float(cell) for name, cell in row.items() if name and cell}
                for row in csv.DictReader(lines)
            ]
    except FileNotFoundError:
        return []
    except (OSError, TypeError, ValueError, csv.Error) as error:
        raise RunError(f"{file}: cannot be read ({error}).") from None
