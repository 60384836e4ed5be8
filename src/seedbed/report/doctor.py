"""The training doctor: what a run's own files say about whether its training went well.

Rules are data (`ailments.RULES`), each a function with a figure and a remedy. They look at training
and validation only, never at the test part, and say nothing where all is well. Trade-off: a
threshold is a judgement; each was set such that the shipped experiments pass and the ailment, made
to happen in a tiny run, does not.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from seedbed.record import files
from seedbed.record.directory import write_json
from seedbed.record.run import Run, read_run

Severity = Literal["warning", "note"]

Series = list[tuple[int, float]]
"""Steps and values."""


@dataclass(frozen=True)
class Finding:
    """Something that a rule saw in a run."""

    rule: str
    severity: Severity
    """A `warning` is of a fit that went wrong, a `note` of one that could go better."""
    text: str
    """What was seen, with its figure, in a sentence."""
    remedy: str
    """What to do about it, in a sentence."""


@dataclass(frozen=True)
class Rule:
    """What may be wrong with a run, and how to find it."""

    name: str
    severity: Severity
    examine: Callable[["Evidence"], str | None]
    """Says what is wrong, with its figure; None where nothing is, or it cannot be decided."""
    remedy: str
    settings: tuple[str, ...] = ()
    """What to type for it, of which those are shown that the run has."""
    early: bool = False
    """Whether what it finds while the run goes on is certain."""


@dataclass(frozen=True)
class Evidence:
    """What the rules look at: a run's log of training and validation."""

    run: Run

    def setting(self, name: str) -> Any:
        """A setting, as `net.dropout`; None where there is none."""
        return self.run.config.get(name)

    def series(self, metric: str) -> Series:
        """A metric of the validations, as `val/loss`; modules of others say `val_loss`."""
        return _series(self.run.log, metric) or _series(self.run.log, metric.replace("/", "_"))

    @cached_property
    def rates(self) -> Series:
        """The learning rate of the training batches that were logged."""
        return _series(self.run.batches, "learning_rate")

    @cached_property
    def sizes(self) -> Mapping[str, Any]:
        """What the data gave the net: `outputs`, `vocabulary_size` and so on."""
        sizes = self.run.provenance.get("sizes")
        return sizes if isinstance(sizes, dict) else {}

    def layers(self, measure: str) -> dict[str, Series]:
        """A measure of each layer, as its `gradient`, at those validations that looked."""
        return _named(self._layers, f"{measure}/")

    def last_counts(self, of: str) -> dict[str, float]:
        """The rows of each class that are `true`, or `predicted`, in the last validation."""
        return {name: series[-1][1] for name, series in _named(self._classes, f"{of}/").items()}

    @cached_property
    def _layers(self) -> files.Table:
        return self.run.table("layers.csv")

    @cached_property
    def _classes(self) -> files.Table:
        return self.run.table("classes.csv")


def diagnose(run: Run, *, early: bool = False) -> list[Finding]:
    """What is wrong with a run's training, the worst first; empty where nothing is.

    While the run goes on (`early`) only what is certain is reported.
    """
    from seedbed.report.ailments import RULES

    evidence = Evidence(run)
    found = [
        Finding(rule.name, rule.severity, text, _with_settings(rule, run))
        for rule in RULES
        if rule.early or not early
        if (text := rule.examine(evidence))
    ]
    return sorted(found, key=lambda finding: finding.severity != "warning")


def examine(folder: Path, reported: set[str], *, early: bool = False) -> list[str]:
    """Write what is found to the run's `doctor.json`; return the lines of what is new.

    Args:
        folder: The run's directory.
        reported: The rules whose findings were reported; those of the new ones are added.
        early: As of `diagnose`.
    """
    found = diagnose(read_run(folder), early=early)
    write_json(folder / "doctor.json", {"findings": [asdict(finding) for finding in found]})
    new = [finding for finding in found if finding.rule not in reported]
    reported |= {finding.rule for finding in new}
    lines = [f"    {finding.text}\n        {finding.remedy}" for finding in new]
    return ["\nthe training doctor:", *lines] if lines else []


def _with_settings(rule: Rule, run: Run) -> str:
    """A rule's remedy; a module that brings its own optimizer has no `optimizer.lr`."""
    there = [f"{name}." for name, value in run.config.items() if value is not None or "." in name]
    known = [
        setting
        for setting in rule.settings
        if any(name.startswith(f"{setting.partition('=')[0]}.") for name in there)
    ]
    return f"{rule.remedy[:-1]} ({', '.join(known)})." if known else rule.remedy


def _series(log: files.Table, name: str) -> Series:
    pairs = zip(log.get("step", []), log.get(name, []), strict=bool(log.get(name)))
    return [(int(step), value) for step, value in pairs if step is not None and value is not None]


def _named(log: files.Table, start: str) -> dict[str, Series]:
    found: Iterator[tuple[str, Series]] = (
        (name.removeprefix(start), _series(log, name)) for name in log if name.startswith(start)
    )
    return {name: series for name, series in found if series}
