"""Runs grouped by the settings that differ, repeats over seeds together, and ranked.

A group's mean is over its finished runs. Where none has finished it is over what they reached so
far, and such a group comes after all that finished, without a rank: a failed run is never hidden,
and never wins.

A rank is one more than the number of groups that are shown to be better: groups that
their seeds cannot separate share one. What a race has dropped comes after what it has not: its mean
is of fewer seeds. Runs that decide by different metrics are compared apart.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Literal

import numpy as np

from seedbed.errors import SettingError, nearest
from seedbed.metric_directions import COUNTS, best_is
from seedbed.record.run import Run
from seedbed.record.settings import EXPERIMENT, NAME, Value
from seedbed.report.settings import FOLDS, Differences, differences, is_seed
from seedbed.report.statistics import Contrasts, Difference
from seedbed.terminal import log

Mode = Literal["min", "max"]

OF_VALIDATION = re.compile(r"^val(id(ation)?)?(?=[/_])")
"""How the names of metrics of validation begin, of others' modules too."""

HEADLINE = ("loss", "accuracy", "auroc", "mae", "r2", "perplexity")
"""The test metrics worth a column, as far as there are."""


@dataclass(frozen=True)
class Summary:
    """A metric over repeats."""

    mean: float
    deviation: float | None
    """Of a sample: with n − 1; None of a single one."""
    count: int

    def __str__(self) -> str:
        if self.deviation is None:
            return figure(self.mean)
        plain = 1e-3 <= abs(self.mean) < 1000 and self.deviation >= 1e-4
        spread = f"{self.deviation:.4f}" if plain else figure(self.deviation)
        return f"{figure(self.mean)} ± {spread}"


@dataclass(frozen=True, eq=False)
class Group:
    """Runs with equal settings but for their seeds."""

    label: str
    values: tuple[Value, ...]
    """One for each of the comparison's settings."""
    runs: tuple[Run, ...]

    @property
    def finished(self) -> bool:
        """Whether any has."""
        return any(run.finished for run in self.runs)

    @cached_property
    def counted(self) -> list[Run]:
        """The runs that the figures are of."""
        return [run for run in self.runs if run.finished or not self.finished]

    @property
    def states(self) -> str:
        """The state of all, as `finished`, or `2 finished, 1 failed`, and `partial`."""
        states = [run.state for run in self.runs]
        good_first = sorted(states, key=lambda state: (state != "finished", state))
        each = {state: states.count(state) for state in good_first}
        named = [f"{count} {state}" for state, count in each.items()]
        partial = any(run.partial for run in self.runs)
        more = [*(["partial"] * partial), *(["dropped"] * self.dropped)]
        return ", ".join([*(named if len(each) > 1 else states[:1]), *more])

    @property
    def dropped(self) -> bool:
        """Whether a race has shown it to be worse."""
        return any(run.dropped for run in self.runs)

    @property
    def folds(self) -> int:
        """Into how many folds the data was dealt; 0 where it was not."""
        folds = self.runs[0].config.get(FOLDS)
        return folds if isinstance(folds, int) else 0

    def summary(self, metric: str) -> Summary | None:
        """A metric's mean and deviation; None where no run has it."""
        if metric not in self._summaries:
            values = [run.figures[metric] for run in self.counted if metric in run.figures]
            self._summaries[metric] = _summary(values)
        return self._summaries[metric]

    @cached_property
    def _summaries(self) -> dict[str, Summary | None]:
        """Those that were asked for: of thousands of runs each takes its time."""
        return {}

    def by_seed(self, metric: str) -> dict[tuple[Value, ...], float]:
        """A metric's finite values by the runs' seeds; the mean where a seed was run twice."""
        values: dict[tuple[Value, ...], list[float]] = {}
        for run in self.counted:
            if math.isfinite(value := run.figures.get(metric, math.nan)):
                seeds = tuple(run.config[key] for key in sorted(filter(is_seed, run.config)))
                values.setdefault(seeds, []).append(value)
        return {seeds: fmean(each) for seeds, each in values.items()}

    def last(self, metric: str) -> Summary | None:
        """The same of the last validation, where `summary` is of the best."""
        return _summary([run.last[metric] for run in self.counted if metric in run.last])

    @cached_property
    def bias_and_variance(self) -> tuple[float, float] | None:
        """What the mean squared error of repeats on the same points is the sum of.

        The first is that of the mean prediction, bias² and noise; the second is the predictions'
        variance around their mean. None without such repeats.
        """
        each = [run.predictions for run in self.counted]
        points = [[(x, y) for x, y, _ in rows] for rows in each]
        if len(each) < 2 or not points[0] or any(other != points[0] for other in points[1:]):
            return None
        targets = np.array([y for _, y in points[0]])  # (points,)
        predictions = np.array([[value for _, _, value in rows] for rows in each])  # (runs, points)
        bias = float(((predictions.mean(axis=0) - targets) ** 2).mean())
        return bias, float(predictions.var(axis=0).mean())

    @property
    def steps(self) -> float:
        """Steps taken, the mean."""
        return float(np.mean([run.steps for run in self.counted]))

    @property
    def seconds(self) -> float | None:
        """Time taken, the mean."""
        times = [run.seconds for run in self.counted if run.seconds is not None]
        return float(np.mean(times)) if times else None


@dataclass(frozen=True)
class Comparison:
    """Runs side by side."""

    runs: Sequence[Run]
    differences: Differences
    groups: Sequence[Group]
    """From the best to the worst; those of which no run has finished are the last."""
    metric: str
    mode: Mode
    of: str = ""
    """The loss that these runs share, where others with another one are compared apart."""

    @cached_property
    def headline(self) -> list[str]:
        """The names of the test metrics that are shown."""
        known = {name for run in self.runs for name in run.figures} - {self.metric}
        own = OF_VALIDATION.sub("test", self.metric)
        headline = [f"test/{name}" for name in HEADLINE]
        names = [name for name in ([] if own in headline else [own]) + headline if name in known]
        return names[: 1 if self.decomposed else 2]

    @property
    def trained(self) -> str:
        """The training metric that goes with the one that is ranked by."""
        name = OF_VALIDATION.sub("train", self.metric)
        return name if name.startswith("train") else ""

    @cached_property
    def decomposed(self) -> bool:
        """Whether there are repeats whose bias and variance are known."""
        return any(group.bias_and_variance for group in self.groups)

    @property
    def title(self) -> str:
        """The experiments' names."""
        return ", ".join(dict.fromkeys(str(run.config.get(EXPERIMENT, "?")) for run in self.runs))

    @property
    def chosen(self) -> list[Run]:
        """The finished runs of the best group; none if no group has a rank."""
        return [run for run in self.standing[0].runs if run.finished] if self.standing else []

    @property
    def best(self) -> Run | None:
        """The first of them by seed."""
        return min(self.chosen, key=_seed, default=None)

    @cached_property
    def openings(self) -> list[int]:
        """How often the test part was opened for each group."""
        return [max(run.openings for run in group.runs) for group in self.groups]

    @cached_property
    def standing(self) -> list[Group]:
        """The groups that have something to be ranked by."""
        return [
            group
            for group in self.groups
            if group.finished and (s := group.summary(self.metric)) and math.isfinite(s.mean)
        ]

    @cached_property
    def repeated(self) -> list[Group]:
        """Those with several seeds or folds, of which alone it can be said which is better."""
        return [group for group, _ in self._by_seed]

    @cached_property
    def _by_seed(self) -> list[tuple[Group, dict[tuple[Value, ...], float]]]:
        each = ((group, group.by_seed(self.metric)) for group in self.standing if not group.dropped)
        return [(group, values) for group, values in each if len(values) > 1]

    @property
    def dropped(self) -> list[Group]:
        """Those that a race has shown to be worse."""
        return [group for group in self.standing if group.dropped]

    @property
    def shared(self) -> float:
        """Rows of a fold over those of its training, which the folds have in common."""
        folds = [group.folds for group in self.repeated if group.folds]
        return 1 / (min(folds) - 1) if folds else 0.0

    @cached_property
    def _contrasts(self) -> Contrasts:
        return Contrasts([values for _, values in self._by_seed], shared=self.shared)

    def difference(self, one: Group, other: Group) -> Difference:
        """By how much the metric of a group is above another's; both have several seeds."""
        return self._contrasts.between(self.repeated.index(one), self.repeated.index(other))

    @cached_property
    def ranked(self) -> list[tuple[int | None, Group]]:
        """Each group with its rank; None for one that has nothing to be ranked by."""
        ranks = dict.fromkeys(self.standing, 1)
        if len(self.repeated) > 1:
            signs = self._contrasts.signs * (1 if self.mode == "min" else -1)
            for group, better in zip(self.repeated, (signs > 0).sum(axis=1), strict=True):
                ranks[group] += int(better)
        ranks |= dict.fromkeys(self.dropped, 1 + len(self.standing) - len(self.dropped))
        return [(ranks.get(group), group) for group in self.groups]


def compare_each(
    runs: Sequence[Run], *, metric: str | None = None, mode: Mode | None = None
) -> list[Comparison]:
    """Compare runs with those that decide by the same metric: others measure something else.

    A loss is the same where the task defines it alike: mean squared and absolute errors are not.
    Runs that cannot be ranked by their own `monitor` are left out and reported.

    Args:
        runs: At least one.
        metric: What to rank by; None for each run's own `monitor`.
        mode: Whether its lowest or its highest is best; None for what is known of it.

    Raises:
        SettingError: As `compare`, if there is nothing else to compare.
    """
    alike: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        monitor = str(run.config.get("monitor"))
        loss = _loss(run) if (metric or monitor).endswith("/loss") else ""
        alike.setdefault((monitor, str(run.config.get("mode")), loss), []).append(run)
    having = [
        each for each in alike.values() if metric is None or any(metric in r.figures for r in each)
    ]
    comparisons, refused = [], []
    for each in having or [[*runs]]:
        try:
            comparisons.append(compare(each, metric=metric, mode=mode))
        except SettingError as error:
            refused.append((each, error))
    if not comparisons:
        raise refused[0][1]
    for each, problem in refused:
        log.info(f"left out: {', '.join(str(run.path) for run in each)}: {problem}")
    if len({_loss(run) for run in runs}) == 1:
        return comparisons
    return [replace(each, of=_loss(each.runs[0])) for each in comparisons]


OF_LOSS = ("task.loss", "task.class_weights")
"""What settings begin with that say what a run's loss is."""


def _loss(run: Run) -> str:
    """How a run's settings have its loss, as they are typed."""
    own = {name: value for name, value in run.config.items() if name.startswith(OF_LOSS)}
    return " ".join(f"{name}={value}" for name, value in own.items() if value is not None)


def compare(
    runs: Sequence[Run], *, metric: str | None = None, mode: Mode | None = None
) -> Comparison:
    """Group and rank runs.

    Args:
        runs: At least one, all with one `monitor`.
        metric: What to rank by; None for that.
        mode: Whether its lowest or its highest is best; None for what is known of it.

    Raises:
        SettingError: If there is no monitor and no metric was given, no run has the metric, or it
            is not known which way it is better.
    """
    monitors = {str(run.config.get("monitor")): str(run.config.get("mode")) for run in runs}
    known = {name for run in runs for name in run.figures}
    if known and metric is None and all(run.config.get("monitor") is None for run in runs):
        names = sorted(known - {*COUNTS})
        raise SettingError(
            "no monitor decides which of these runs is better; "
            + (
                f"choose one by --metric, of {', '.join(names)}."
                if names
                else "they log no metric."
            )
        )
    metric = metric or next(iter(monitors))
    if known and metric not in known:
        raise SettingError(f"--metric {metric}: no run has it; {nearest(metric, known)}")
    modes = {monitor.rpartition("/")[2]: mode for monitor, mode in monitors.items()}
    better = mode or modes.get(metric.rpartition("/")[2]) or best_is(metric)
    if better is None:
        raise SettingError(
            f"--metric {metric}: it is not known which way it is better; add --mode min or "
            "--mode max."
        )
    found = differences([run.config for run in runs], [typed_names(run) for run in runs])
    members: dict[tuple[Value, ...], list[int]] = {}
    for number in range(len(runs)):
        values = tuple(setting.values[number] for setting in found.settings)
        members.setdefault(values, []).append(number)
    labels = _labels(runs, found, [*members.values()])
    groups = [
        Group(label, values, tuple(runs[number] for number in numbers))
        for label, (values, numbers) in zip(labels, members.items(), strict=True)
    ]
    direction: Mode = "max" if better == "max" else "min"

    def standing(group: Group) -> tuple[bool, bool, bool, float]:
        summary = group.summary(metric)
        mean = math.nan if summary is None else summary.mean
        unranked = not math.isfinite(mean)
        worth = 0.0 if unranked else -mean if direction == "max" else mean
        return not group.finished, unranked, group.dropped, worth

    return Comparison(runs, found, sorted(groups, key=standing), metric, direction)


def typed_names(run: Run) -> list[str]:
    """The names of the settings on a run's command line, in order."""
    return [word.partition("=")[0].lstrip("+") for word in run.typed]


def _labels(runs: Sequence[Run], found: Differences, members: Sequence[list[int]]) -> list[str]:
    """What to call each group: the name it was given, else what differs, as short as is clear."""
    names = [{runs[number].config.get(NAME) for number in numbers} for numbers in members]
    given = [str(name) if len(each) == 1 and (name := next(iter(each))) else "" for each in names]
    short = [found.short_label(numbers[0]) for numbers in members]
    full = [found.label(numbers[0]) for numbers in members]
    experiments = [str(runs[numbers[0]].config.get(EXPERIMENT, "run")) for numbers in members]
    return [
        name
        if name and given.count(name) == 1
        else brief
        if brief and short.count(brief) == 1
        else whole or experiment
        for name, brief, whole, experiment in zip(given, short, full, experiments, strict=True)
    ]


def _summary(values: Sequence[float]) -> Summary | None:
    if not values:
        return None
    with np.errstate(all="ignore"):  # infinities have no deviation
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
        return Summary(float(np.mean(values)), deviation, len(values))


def figure(value: float | None) -> str:
    """A metric as it is read: four decimals, or as many digits where they would say nothing."""
    if value is None:
        return "–"
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    size = abs(value)
    if size < 1e-3 or size >= 1e6:
        return f"{value:.3g}"
    return f"{value:.4f}" if size < 1000 else f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """A time as minutes and seconds, or hours, minutes and seconds."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _seed(run: Run) -> float:
    seed = run.config.get("seed")
    return seed if isinstance(seed, int | float) else math.inf
