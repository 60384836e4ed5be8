"""Runs as their files tell them: settings, state, metrics and curves.

Nothing but the files is read, so a run can be reported that another machine or version made, or
that is still going. What a file does not hold yet is left out; only a `config.yaml` must be there.
"""

import csv
import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml

from seedbed.errors import RunError

Axis = Literal["step", "epoch"]
"""What a curve's points are counted in."""


@dataclass(frozen=True)
class Run:
    """What the files of a run's directory say."""

    path: Path
    config: dict[str, Any]
    """The resolved settings, flat: `optimizer.lr` and so on."""
    status: dict[str, Any]
    final: dict[str, float]
    """The best checkpoint's metrics, once the run has finished."""
    log: list[dict[str, float]]
    """What was logged, a row each time."""
    command: str

    @property
    def state(self) -> str:
        """`finished`, `running`, `failed`, `interrupted` or `not started`."""
        return str(self.status.get("state", "not started"))

    @property
    def finished(self) -> bool:
        """Whether its figures are its last word."""
        return self.state == "finished"

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
        """How long it ran since it was last started; None while it runs."""
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


def _measured(row: Mapping[str, float]) -> dict[str, float]:
    return {k: v for k, v in row.items() if k.startswith(("train/", "val/"))}


def find_runs(places: Sequence[Path]) -> list[Run]:
    """Read the runs at `places`: a run's own directory, or a folder, which means all below it.

    Raises:
        RunError: If there are none, or one cannot be read.
    """
    found: dict[Path, Run] = {}
    for place in places:
        if not place.is_dir():
            raise RunError(f"{place}: expected a run's directory, or a folder of runs; no such.")
        folders = list(_run_folders(place))
        if not folders:
            raise RunError(
                f"{place}: expected a run's directory, or a folder of runs; no config.yaml is "
                "there or below. Runs are made by python train.py."
            )
        for folder in folders:
            if folder.resolve() not in found:
                found[folder.resolve()] = read_run(folder)
    return list(found.values())


def read_run(folder: Path) -> Run:
    """Read the files of one run.

    Raises:
        RunError: If its settings or its log cannot be read.
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
    metrics = _json(folder / "metrics.json")
    words = _json(folder / "provenance.json").get("command") or []
    return Run(
        path=folder,
        config=dict(flat(config)),
        status=_json(folder / "status.json"),
        final={name: math.nan if x is None else float(x) for name, x in metrics.items()},
        log=read_rows(folder / "metrics.csv"),
        command=shlex.join(["python", *map(str, words[1:])]) if words else "",
    )


def _run_folders(place: Path) -> Iterator[Path]:
    """Runs at or below a place, in the order of their names, 10 after 9."""
    if (place / "config.yaml").is_file():
        yield place
        return
    folders = [path for path in place.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for folder in sorted(folders, key=lambda path: (not path.name.isdigit(), path.name.zfill(9))):
        yield from _run_folders(folder)


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
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def read_rows(file: Path) -> list[dict[str, float]]:
    """The numbers of a CSV file by column; empty cells are left out."""
    if not file.exists():
        return []
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            return [
                {name: float(cell) for name, cell in row.items() if name and cell}
                for row in csv.DictReader(lines)
            ]
    except (OSError, ValueError) as error:
        raise RunError(f"{file}: cannot be read ({error}).") from None
