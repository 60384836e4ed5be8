"""A run done again from its record alone, and compared: the same metrics, or what differs."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.config.checks import check
from seedbed.config.compose import run_id
from seedbed.errors import RunError
from seedbed.record.directory import RunDirectory
from seedbed.record.files import flat
from seedbed.runs.evaluate import threads
from seedbed.runs.execute import execute
from seedbed.runs.here import as_here, other_here
from seedbed.runs.load import check_place
from seedbed.terminal import log

COMPARED = (
    *("git", "versions", "hardware", "device", "processes", "threads", "precision"),
    *("data", "weights"),
)
"""What of two runs' provenance may explain that their metrics differ."""


@dataclass(frozen=True)
class Reproduction:
    """A run's metrics beside those of the run that repeated it."""

    again: Path
    metrics: dict[str, float]
    """The repeated run's."""
    differences: dict[str, tuple[Any, Any]]
    """Metrics that are not the same, as they were and as they are now."""
    causes: dict[str, tuple[Any, Any]]
    """What was not the same when they were computed: versions, hardware and so on."""

    @property
    def identical(self) -> bool:
        """Whether every metric is the same to the last bit."""
        return not self.differences


def reproduce(run: str | Path, into: Path | None = None) -> Reproduction:
    """Execute a finished run's configuration in a new directory, with its number of threads.

    Where the machine lacks what the run had, the log says what is other.

    Args:
        run: The run's directory.
        into: The new one; else `reproduced` in the run's.

    Raises:
        RunError: If the run has not finished or was pruned, or the new directory holds one.
        SettingError: If the configuration is wrong, or names anything that is not allowed.
    """
    directory = RunDirectory(Path(run))
    config = directory.config()
    if not directory.metrics_file.exists():
        raise RunError(f"{run}: has no metrics.json to compare with; the run has not finished.")
    if "pruned" in directory.status():
        raise RunError(
            f"{run}: was pruned by its sweep; on its own it would be trained to its end, which is "
            "nothing to compare with."
        )
    before, recorded = directory.metrics(), directory.provenance()
    again = RunDirectory(into or directory.path / "reproduced")
    check_place(directory, again.path)
    if again.config_file.exists():
        raise RunError(f"{again.path} holds a run already; name another directory with --into.")
    tested = config.get("test") is not False or bool(recorded.get("test_opened"))
    config, other = as_here(config | {"test": tested})
    check(config)
    config = _apart(config)
    if other:
        log.info(other_here(other))
    again = RunDirectory.create(again.path, config)
    with threads(recorded.get("threads")):
        now = execute(again.path, checked=config)
    names = sorted(before)  # a later version may measure more
    return Reproduction(
        again=again.path,
        metrics=now,
        differences={
            name: (before.get(name), now.get(name))
            for name in names
            if not _same(before.get(name), now.get(name))
        },
        causes=_changes(recorded, again.provenance()),
    )


def _apart(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration, by which W&B takes the run for another: it goes by a logger's `id`."""
    loggers = {
        name: node | {"id": run_id()} if isinstance(node, dict) and "id" in node else node
        for name, node in (config.get("logger") or {}).items()
    }
    return config | {"logger": loggers}


def as_text(found: Reproduction) -> str:
    """That all is the same, or each difference and what may have caused it."""
    if found.identical:
        return f"\nidentical: all {len(found.metrics)} metrics are the same, to the last bit"
    lines = [f"\nnot identical: {len(found.differences)} of {len(found.metrics)} metrics differ"]
    lines += [f"    {name}: {was} → {now}" for name, (was, now) in found.differences.items()]
    lines.append("what else differs" if found.causes else "nothing else that is recorded differs")
    lines += [
        f"    {name}: {_shown(was)} → {_shown(now)}" for name, (was, now) in found.causes.items()
    ]
    return "\n".join(lines)


def as_json(found: Reproduction) -> dict[str, Any]:
    """The same as plain types."""
    return {
        "run": str(found.again),
        "identical": found.identical,
        "metrics": found.metrics,
        "differences": {name: list(pair) for name, pair in found.differences.items()},
        "causes": {name: list(pair) for name, pair in found.causes.items()},
    }


def _shown(value: Any) -> str:
    """A value in one line; a long one, as a diff, by its length."""
    text = str(value)
    return f"{len(text.splitlines())} lines" if "\n" in text else text


def _same(one: float | None, other: float | None) -> bool:
    """Equal, or both not a number, as a ranking where there is nothing to rank."""
    return one == other or (
        one is not None and math.isnan(one) and other is not None and math.isnan(other)
    )


def _changes(before: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The entries of two provenances that are not the same, by their dotted names."""
    one, other = (dict(flat({name: p.get(name) for name in COMPARED})) for p in (before, now))
    return {
        name: (one.get(name), other.get(name))
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    }
