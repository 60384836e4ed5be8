"""Whether settings differ by more than their seeds do: t tests by SciPy, corrected by Holm.

The distributions are `scipy.special`'s, which imports in a fifth of the time of `scipy.stats`.

Two settings are compared seed by seed, so that what a seed does to both (its split, its order)
cancels out: the paired t test. Settings with fewer than two seeds in common are compared by
Welch's. The best setting is known only once the data is seen, so all pairs of settings count for
the correction (Holm 1979), not only those with the best. Trade-off: of many settings, few seeds
decide little.

Folds have most of their training rows in common, and so are less apart than seeds: the variance of
their mean is that of Nadeau and Bengio (2003).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LEVEL = 0.05
"""How often equal settings may be found different, and an interval may miss the difference."""

POWER = 0.8
"""How often the seeds that are asked for would decide."""

MOST_SEEDS = 1000

ROUNDING = 1e-12
"""Differences whose deviation is below this share of the values are equal."""

Matrix = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Difference:
    """By how much the metric of one setting is above another's."""

    mean: float
    half: float
    """Half the width of the 95 % interval around the mean, which is of this pair alone."""
    deviation: float
    """Of the differences between seeds."""
    p: float
    """Corrected for the number of pairs."""
    seeds: int
    paired: bool
    pairs: int
    """How many pairs of settings are compared."""
    shared: float = 0.0
    """As of `Contrasts`."""

    @property
    def decided(self) -> bool:
        """Whether it is more than chance."""
        return self.p < LEVEL

    def more_seeds(self, size: float) -> int | None:
        """How many more seeds would likely decide a difference of this size; None of too many."""
        from scipy.special import ndtri, stdtrit

        counts = np.arange(2, MOST_SEEDS + 1)
        quantiles = ndtri(POWER) - stdtrit(counts - 1, LEVEL / self.pairs / 2)
        enough = quantiles * self.deviation * np.sqrt(1 / counts + self.shared) <= abs(size)
        return max(int(counts[enough.argmax()]) - self.seeds, 1) if enough.any() else None


class Contrasts:
    """The differences between all pairs of settings.

    Args:
        settings: For each its metric by seed: two seeds or more, all finite.
        shared: Of folds, the rows of one over those of its training; else 0.
    """

    def __init__(self, settings: Sequence[Mapping[Any, float]], *, shared: float = 0.0) -> None:
        from scipy.special import stdtr

        known = dict.fromkeys(seed for setting in settings for seed in setting)
        seeds = {seed: place for place, seed in enumerate(known)}
        values = np.full((len(settings), len(seeds)), np.nan)
        for row, setting in zip(values, settings, strict=True):
            for seed, value in setting.items():
                row[seeds[seed]] = value
        size = np.abs(values[np.isfinite(values)]).max(initial=0.0)
        shape = (5, len(settings), len(settings))
        self._columns = np.stack([_row(values, one) for one in range(shape[1])]).swapaxes(0, 1)
        self._shared = shared
        self._columns[1] *= np.sqrt(1 + shared * self._columns[3])
        mean, error, freedom, count, _ = self._columns.reshape(shape)
        equal = error <= ROUNDING * size
        with np.errstate(all="ignore"):
            p = 2 * stdtr(freedom, -np.abs(mean) / error)
        # Of equal differences the t test is certain; a permutation of their signs is not.
        p[equal] = np.where(np.abs(mean) <= ROUNDING * size, 1.0, 2.0 ** (1 - count))[equal]
        upper = np.triu_indices(len(settings), 1)
        self._p = np.ones_like(p)
        self._p[upper] = holm(p[upper])
        self._p = np.minimum(self._p, self._p.T)
        self._pairs = len(upper[0])

    def between(self, one: int, other: int) -> Difference:
        """The difference of one setting less another."""
        from scipy.special import stdtrit

        mean, error, freedom, count, paired = self._columns[:, one, other].tolist()
        return Difference(
            mean=mean,
            half=-float(stdtrit(freedom, LEVEL / 2)) * error,
            deviation=error / (1 / count + self._shared) ** 0.5,
            p=float(self._p[one, other]),
            seeds=int(count),
            paired=bool(paired),
            pairs=self._pairs,
            shared=self._shared,
        )

    @property
    def signs(self) -> Matrix:
        """Of each setting (row) less each (column): 1 or −1 where that is decided, else 0."""
        return np.asarray(np.sign(self._columns[0]) * (self._p < LEVEL))


def holm(p: Matrix) -> Matrix:
    """Correct p-values (N,) for their number, as Holm does: none is below what it was."""
    order = np.argsort(p)
    rising = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = rising.clip(max=1.0)
    return corrected


def _row(values: Matrix, one: int) -> Matrix:
    """One setting less each: mean, standard error, degrees of freedom, seeds, whether paired."""
    differences = values[one] - values  # (settings, seeds)
    common = np.isfinite(differences).sum(axis=1)
    count = np.isfinite(values).sum(axis=1)
    share = np.nanvar(values, axis=1, ddof=1) / count
    square = share[one] + share
    with np.errstate(all="ignore"):
        mean = np.nansum(differences, axis=1) / common
        around = np.nansum((differences - mean[:, None]) ** 2, axis=1) / (common - 1)
        freedom = square**2 / (share[one] ** 2 / (count[one] - 1) + share**2 / (count - 1))
    means = np.nanmean(values, axis=1)
    paired = common >= 2
    return np.stack(
        [
            np.where(paired, mean, means[one] - means),
            np.sqrt(np.where(paired, around / np.maximum(common, 1), square)),
            np.where(paired, common - 1, np.nan_to_num(freedom, nan=1.0)),
            np.where(paired, common, np.minimum(count, count[one])),
            paired,
        ]
    )
