"""Which settings may still win, once each has been trained with some seeds.

At each count of seeds a setting is dropped that is shown to be worse than the leader, by a t test
paired by seed. Two seeds say little about one difference's deviation, so those of all settings are
taken together as far as they are alike (Smyth 2004, the moderated t test); the level is divided by
the settings and by the counts that are looked at (Bonferroni). So of 100 races the best setting is
dropped in at most 5. Trade-off: settings that differ by less than their seeds do are all kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seedbed.sweep.ledger import Ledger
from seedbed.sweep.plan import FIRST
from seedbed.sweep.space import Point, job_key, overrides_of
from seedbed.terminal import log

LEVEL = 0.05
"""How often a race may drop the best setting, or be wrong about how far the leader is behind."""

TINY = 1e-24
"""Variances below this share of the metric's square are rounding."""

Values = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Standing:
    """How a race stands."""

    left: list[int]
    """The settings that may still win."""
    leader: int
    """The one of the lowest mean."""
    behind: float
    """The most that its mean may be above another's of those."""


@dataclass
class Race:
    """A race, count of seeds by count."""

    most: int
    """The most seeds that a setting gets."""
    _entered: int = 0
    _dropped: list[tuple[Point, int]] = field(default_factory=list)
    _last: Standing | None = None
    _leader: Point = field(default_factory=dict)
    _jobs: int = 0

    def go_on(self, points: Sequence[Point], values: Sequence[Sequence[float]]) -> list[Point]:
        """Who is left of these points, by a metric whose lowest is best, of each and each seed.

        A point of which a job has failed is out.
        """
        seeds = len(values[0]) if values else 0
        there = [n for n, each in enumerate(values) if np.isfinite(each).all()]
        self._entered = self._entered or len(there)
        if not there:
            return []
        now = standing(
            np.array([values[n] for n in there]),
            entered=self._entered,
            looks=self.most - FIRST + 1,
        )
        left = [points[there[n]] for n in now.left]
        lost = [points[n] for n in there if points[n] not in left]
        self._dropped += [(point, seeds) for point in lost]
        self._jobs += len(points) * (1 if self._last else seeds)
        self._last, self._leader = now, points[there[now.leader]]
        return left

    def note(self, ledger: Ledger) -> None:
        """Mark the jobs of the points that were dropped, and keep and log the outcome."""
        if not self._last:
            return
        dropped = {job_key(point, 0): seeds for point, seeds in self._dropped}
        mark(ledger, dropped)
        saved = self._entered * self.most
        outcome = {"jobs": self._jobs, "in_place_of": saved, "behind": self._last.behind}
        ledger.note_race(outcome)
        words = " ".join(overrides_of(self._leader))
        log.info(
            f"race: {len(dropped)} of {self._entered} settings were dropped as worse; "
            f"{self._jobs} jobs in place of {saved}. {words} leads; no other is better by "
            f"more than {self._last.behind:.2g} (95 %; moderated t test, paired by seed)."
        )


def mark(ledger: Ledger, dropped: Mapping[str, int]) -> None:
    """Have the jobs' files say after how many seeds a race has dropped their settings; 0: not."""
    for job in ledger.jobs().values():
        seeds, status = dropped.get(job_key(job.point, 0), 0), job.run.status()
        if status.get("dropped", 0) != seeds:
            job.run.set_status(status["state"], dropped=seeds)


def standing(values: Values, *, entered: int, looks: int) -> Standing:
    """Say who is left.

    Args:
        values: A metric whose lowest is best, of each setting and seed (settings, seeds).
        entered: How many settings the race began with.
        looks: At how many counts of seeds it is asked.
    """
    from scipy.special import stdtrit

    leader = int(values.mean(axis=1).argmin())
    differences = values - values[leader]  # (settings, seeds)
    seeds = values.shape[1]
    mean = differences.mean(axis=1)
    others = np.arange(len(values)) != leader
    if not others.any():
        return Standing([leader], leader, 0.0)
    variance, freedom = moderated(differences[others].var(axis=1, ddof=1), seeds - 1)
    quantile = -stdtrit(freedom, LEVEL / max(entered - 1, 1) / looks)
    half = np.zeros(len(values))
    half[others] = quantile * np.sqrt(variance / seeds)
    # Where all differences are equal, the sign test decides.
    rounding = np.sqrt(TINY) * np.abs(values).max()
    chance = 2.0**-seeds >= LEVEL / max(entered - 1, 1) / looks
    unsure = (half <= rounding) & chance
    kept = (mean <= half) | (others & unsure)
    kept[leader] = True
    behind = np.where(kept & others, half - mean, 0.0).max()
    return Standing(np.flatnonzero(kept).tolist(), leader, max(float(behind), 0.0))


def moderated(variances: Values, freedom: int) -> tuple[Values, Values]:
    """Variances (N,), each of so many degrees of freedom, drawn towards what they have in common.

    Their logarithms show how much they truly differ; Smyth (2004), section 6.2, and limma, whose
    floor for the smallest it is.

    Returns:
        The variances, and their degrees of freedom.
    """
    from scipy.special import digamma, polygamma

    floored = np.maximum(variances, 1e-5 * np.median(variances))
    if len(variances) < 2 or not floored.all():
        return variances, np.full(len(variances), float(freedom))
    logs = np.log(floored) - digamma(freedom / 2) + np.log(freedom / 2)
    spread = logs.var(ddof=1) - polygamma(1, freedom / 2)
    whole = float(freedom * len(variances))
    prior = min(2 * _trigamma_inverse(spread), whole) if spread > 0 else whole
    common = np.exp(logs.mean() + digamma(prior / 2) - np.log(prior / 2))
    together = (prior * common + freedom * variances) / (prior + freedom)
    together = np.maximum(together, variances)  # one that stands out may do so truly
    return together, np.full(len(variances), min(prior + freedom, whole))


def _trigamma_inverse(value: float) -> float:
    from scipy.optimize import brentq
    from scipy.special import polygamma

    return float(np.exp(brentq(lambda log: polygamma(1, np.exp(log)) - value, -20.0, 20.0)))
