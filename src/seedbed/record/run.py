"""Runs as their files describe them: settings, state, metrics and curves, for tables and reports.

Nothing but the files is read, so a run can be reported that another machine or version made, or
that is still running. What a file does not hold yet is left out; only a `config.yaml` must be
there.
"""

import math
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from seedbed.errors import RunError
from seedbed.metric_directions import forks, is_metric
from seedbed.record import files
from seedbed.record.state import state_of
from seedbed.terminal import cut, log

Axis = Literal["step", "epoch"]
"""What a curve's points are counted in."""

PARTIAL = (
    *("fast_dev_run", "overfit_batches"),
    *("limit_train_batches", "limit_val_batches", "limit_test_batches"),
)
"""The Trainer's settings that leave batches out."""

Read = TypeVar("Read")

Identity = tuple[int, int]
"""A folder's device and number there: the same by any of its names."""


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
    log: files.Table
    """What was logged, a list for each column."""
    predictions: list[tuple[float, float, float]]
    """Inputs, targets and predictions of `predictions.csv`; empty where there is none."""
    robustness: list[dict[str, float]]
    """The rows of `robustness.csv`; empty where there is none."""
    words: list[str]
    """What was typed to start it."""
    commit: str | None
    """What git had checked out as it began."""
    changed: bool
    """Whether there were files that this commit does not hold so."""
    resumed: bool
    """Whether a later start went on from a checkpoint."""
    openings: int
    """How often the test part was opened for it; earlier versions kept no count."""
    unread: list[str] = field(default_factory=list)
    """What was read as if it were missing, and why it could not be read."""

    @property
    def state(self) -> str:
        """`new`, `running`, `finished`, `pruned` by its sweep, `failed` or `interrupted`."""
        state = str(self.status["state"])
        return "pruned" if state == "finished" and "pruned" in self.status else state

    @property
    def command(self) -> str:
        """What to type to start it again."""
        return shlex.join(["python", *self.words[1:]]) if self.words else ""

    @property
    def dropped(self) -> bool:
        """Whether a race has ended its settings' seeds, as shown to be worse."""
        return bool(self.status.get("dropped"))

    @property
    def typed(self) -> list[str]:
        """The settings on its command line, or its sweep's, as `optimizer.lr=0.1`."""
        return [word for word in self.words[1:] if "=" in word and word[0] != "-"]

    @property
    def finished(self) -> bool:
        """Whether its figures are final."""
        return self.state in ("finished", "pruned")

    @property
    def partial(self) -> list[str]:
        """The Trainer's settings by which its figures are of a part of the data alone."""
        return limits_of({name: self.config.get(f"trainer.{name}") for name in PARTIAL})

    @property
    def error(self) -> str:
        """The first line of what ended it; empty if nothing did."""
        return cut(next(iter((self.status.get("error") or "").splitlines()), ""))

    @property
    def steps(self) -> int:
        """Steps taken up to the last row of the log, or to the best checkpoint's."""
        steps = [self.final.get("step"), *self.log.get("step", ())]
        return int(max((step for step in steps if step and math.isfinite(step)), default=0))

    @property
    def seconds(self) -> float | None:
        """How long it ran; None while it runs, or if it was resumed: a killed start has no end."""
        started, ended = self.status.get("started"), self.status.get("ended")
        if self.resumed or not started or not ended:
            return None
        seconds = (files.time(ended) - files.time(started)).total_seconds()
        return seconds if seconds >= 0 else None  # the clock was set in between

    @cached_property
    def batches(self) -> files.Table:
        """Step, loss and learning rate of one in so many training batches, a list for each."""
        return self.table("batches.csv")

    def table(self, name: str) -> files.Table:
        """A log beside that of the validations; empty where it is missing, or cannot be read."""
        return _tolerant(lambda: files.read_log(self.path, name=name), dict, self.unread)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What `provenance.json` says; empty where it is missing, or cannot be read."""
        return _tolerant(lambda: files.read_provenance(self.path), dict, self.unread)

    @cached_property
    def figures(self) -> dict[str, float]:
        """The best checkpoint's metrics; of an unfinished run, those of its best validation yet."""
        if self.final:
            return self.final
        column = self.log.get(str(self.config.get("monitor")), [])
        values = {row: y for row, y in enumerate(column) if y is not None and math.isfinite(y)}
        if not values:
            return {}
        best = max if self.config.get("mode") == "max" else min
        return self._measured(best(values, key=values.__getitem__))

    @cached_property
    def last(self) -> dict[str, float]:
        """The metrics of the last validation, which shows over-fitting that the best does not."""
        count = len(self.log.get("step", []))
        rows = filter(None, map(self._measured, reversed(range(count))))  # the test's has none
        return next(rows, {})

    def curve(self, metric: str, axis: Axis) -> list[tuple[float, float]]:
        """A metric's values over steps or epochs; of several in an epoch, the last."""
        values = self.log.get(metric, [])
        points = zip(self._places(axis), values, strict=True) if values else []
        return sorted({x: y for x, y in points if y is not None}.items())

    def _measured(self, row: int) -> dict[str, float]:
        cells = ((name, column[row]) for name, column in self.log.items() if name in self._parts)
        return {name: y for name, y in cells if y is not None}

    @cached_property
    def _parts(self) -> set[str]:
        return {name for name in self.log if is_metric(name) and not name.startswith("test")}

    def _places(self, axis: Axis) -> list[float]:
        if axis == "step":
            return [x or 0.0 for x in self.log["step"]]
        # A validation of the fit is logged in the epoch it ends, counted from 0; the first of all
        # is before any.
        none = [None] * len(self.log["step"])
        both = zip(self.log.get("epoch", none), self.log.get("train/loss", none), strict=True)
        return [(epoch or 0.0) + (loss is not None) for epoch, loss in both]


def limits_of(trainer: Mapping[str, Any]) -> list[str]:
    """The settings of a Trainer that leave batches out."""
    # A limit of 1.0 is all batches, one of 1 is a single one.
    return [
        f"trainer.{name}={str(value).lower()}"
        for name in PARTIAL
        if (value := trainer.get(name)) and not (isinstance(value, float) and value == 1.0)
    ]


def find_runs(places: Sequence[Path]) -> list[Run]:
    """Read the runs at `places`: a run's own directory, or a folder, which means all below it.

    One that cannot be read is left out and reported.

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
    found: dict[Identity, Path] = {}
    for place in places:
        if not place.is_dir():
            raise RunError(f"{place}: expected a run's directory, or a folder of runs; no such.")
        folders = list(_run_folders(place, set()))
        if not folders:
            raise RunError(
                f"{place}: expected a run's directory, or a folder of runs; no config.yaml is "
                "there or below. Runs are made by python train.py."
            )
        for identity, folder in folders:
            found.setdefault(identity, folder)
    return list(found.values())


def _tolerant(
    read: Callable[[], Read], missing: Callable[[], Any], unread: list[str] | None
) -> Read:
    """What is read, or what stands for it where it is missing; no error if there is a list."""
    try:
        return read()
    except RunError as error:
        if unread is None:
            raise
        if str(error) not in unread:
            unread.append(str(error))
        missed: Read = missing()
        return missed


def read_run(folder: Path, *, drawn: bool = True, tolerant: bool = False) -> Run:
    """Read the files of one run.

    Args:
        folder: The run's directory.
        drawn: Whether also what only a report shows is read: all that was logged beside the steps
            and the metric that decides, and what the test left to be drawn.
        tolerant: Whether a file that cannot be read, but for the settings, is as if it were
            missing, and listed as unread.

    Raises:
        RunError: If one of them is there and cannot be read, or there are no settings.
    """
    unread: list[str] = []
    damaged = unread if tolerant else None
    try:
        config = files.read_settings(folder / "config.yaml")
    except FileNotFoundError:
        raise RunError(f"{folder / 'config.yaml'}: cannot be read (there is none).") from None
    status = _tolerant(lambda: files.read_status(folder), dict, damaged)
    record = _tolerant(lambda: files.read_provenance(folder), dict, damaged)
    final = _tolerant(lambda: files.read_metrics(folder / "metrics.json"), dict, damaged)
    robustness = folder / "robustness.csv"
    git = record.get("git") or {}
    monitor = str(config.get("monitor"))
    named = forks({monitor: None, **final}, monitor)
    final = {name: y for name, y in final.items() if named.get(name) not in final}
    logged = None if drawn else {"step", "epoch", monitor, f"{monitor}_epoch"}
    log = _tolerant(lambda: files.read_log(folder, logged), dict, damaged)
    return Run(
        path=folder,
        config=config,
        status=status | {"state": state_of(folder, status)},
        final=final,
        log={named.get(n, n) if named.get(n) not in log else n: y for n, y in log.items()},
        predictions=_tolerant(lambda: _predictions(folder), list, damaged) if drawn else [],
        robustness=(
            _tolerant(lambda: files.read_rows(robustness, "accuracy"), list, damaged)
            if drawn
            else []
        ),
        words=[*map(str, record.get("command") or [])],
        commit=git.get("commit"),
        changed=bool(git.get("diff") or git.get("untracked")),
        resumed="resumed" in record,
        openings=max(len(record.get("test_opened") or []), any(map(is_of_test, final))),
        unread=unread,
    )


def _predictions(folder: Path) -> list[tuple[float, float, float]]:
    rows = files.read_rows(folder / "predictions.csv", "input", "target", "prediction")
    return [(row["input"], row["target"], row["prediction"]) for row in rows]


def is_of_test(metric: str) -> bool:
    """Whether a metric is of the test part."""
    return metric.startswith("test/")


def _run_folders(place: Path, seen: set[Identity]) -> Iterator[tuple[Identity, Path]]:
    """Runs at or below a place, in the order of their names, 10 after 9; no folder twice."""
    try:
        status = place.stat()
        identity = status.st_dev, status.st_ino
        if identity in seen:  # links to folders above them would have no end
            return
        seen.add(identity)
        with os.scandir(place) as entries:
            below = [*entries]
        is_run = any(entry.name in ("config.yaml", "status.json") for entry in below)
        folders = [] if is_run else [entry.name for entry in below if entry.is_dir()]
    except OSError:  # it may not be opened, which is reported when it is read
        identity, is_run, folders = (0, hash(place)), True, []
    if is_run:
        yield identity, place
    for name in sorted(folders, key=lambda name: (not name.isdigit(), name.zfill(9))):
        if not name.startswith("."):
            yield from _run_folders(place / name, seen)
