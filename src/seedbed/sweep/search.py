"""The next point of a search, by Optuna.

A proposal is a function of the trials so far, the seed, and the trial's number: the study is made
anew for each, from the ledger. So there is no database to keep in step with the runs, and a sweep
that was killed goes on as it would have gone. Trade-off: a millisecond or so a trial, each time.

TPE knows nothing at first: its first trials are points of Sobol's sequence, which lie apart, while
points drawn one by one may fall near others that were tried. SciPy's, because Optuna's sampler
of it keeps its place in a study.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from seedbed.sweep.ledger import Result
from seedbed.sweep.space import Choice, Dimension, Interval, Point, Space

optuna.logging.set_verbosity(optuna.logging.WARNING)

STATES = {
    "finished": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "running": TrialState.RUNNING,
}

STARTUP = 10
"""Trials of TPE that are spread over the space, before it goes by their results."""

Trial = tuple[Point, Result]
"""A point that was tried, and its result over all its seeds."""


def propose(
    space: Space,
    trials: Sequence[Trial],
    *,
    algorithm: Literal["random", "tpe"],
    seed: int,
    mode: Literal["min", "max"],
) -> Point:
    """Choose the point of the trial after these.

    Args:
        space: What varies.
        trials: All trials so far, in order.
        algorithm: `random`, or `tpe`: tree-structured Parzen estimators (Bergstra et al. 2011).
        seed: The sweep's.
        mode: Whether the lowest (`min`) or the highest (`max`) value is best.
    """
    if algorithm == "tpe" and len(trials) < STARTUP:
        return _spread(space, len(trials), seed)
    distributions = {dimension.key: _distribution(dimension) for dimension in space}
    own_seed = int(np.random.SeedSequence([seed, len(trials)]).generate_state(1)[0])
    sampler: BaseSampler = (
        TPESampler(seed=own_seed) if algorithm == "tpe" else RandomSampler(own_seed)
    )
    study = optuna.create_study(
        sampler=sampler, direction="maximize" if mode == "max" else "minimize"
    )
    study.add_trials([_frozen(*trial, space, distributions) for trial in trials])
    asked = study.ask(distributions)
    return {dimension.key: _text(dimension, asked.params[dimension.key]) for dimension in space}


def _spread(space: Space, number: int, seed: int) -> Point:
    """A point of Sobol's sequence (1967), which is scrambled by the seed (Matoušek 1998)."""
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(space), rng=np.random.default_rng(seed))
    shares = sequence.random(2 ** math.ceil(math.log2(STARTUP)))[number]  # from 0 to below 1
    return {d.key: _at(d, share) for d, share in zip(space, shares.tolist(), strict=True)}


def _at(dimension: Dimension, share: float) -> str:
    """The value at a share of a dimension."""
    if isinstance(dimension, Choice):
        return dimension.values[int(share * len(dimension.values))]
    low, high = dimension.low, dimension.high
    if dimension.whole:
        low, high = low - 0.5, high + 0.5
    value = low * (high / low) ** share if dimension.log else low + (high - low) * share
    if dimension.whole:
        return str(min(max(round(value), int(dimension.low)), int(dimension.high)))
    return _text(dimension, value)


def _frozen(
    point: Point, result: Result, space: Space, distributions: dict[str, BaseDistribution]
) -> FrozenTrial:
    state, value = STATES[result.state], result.value
    reached = {result.step: value} if state == TrialState.PRUNED and value is not None else {}
    return create_trial(
        state=state,
        params={d.key: _parameter(d, point[d.key]) for d in space},
        distributions=distributions,
        value=value if state == TrialState.COMPLETE else None,
        intermediate_values=reached,
    )


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, Interval):
        if dimension.whole:
            return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
        return FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    if dimension.ordered:
        return IntDistribution(0, len(dimension.values) - 1)  # places in the range
    return CategoricalDistribution(dimension.values)


def _text(dimension: Dimension, parameter: int | float | str) -> str:
    """A parameter of Optuna's as an override has it; six digits of a number are enough."""
    if isinstance(dimension, Choice):
        return dimension.values[int(parameter)] if dimension.ordered else str(parameter)
    return str(parameter) if dimension.whole else f"{parameter:.6g}"


def _parameter(dimension: Dimension, text: str) -> int | float | str:
    if isinstance(dimension, Choice):
        return dimension.values.index(text) if dimension.ordered else text
    number = int(text) if dimension.whole else float(text)
    return min(max(number, dimension.low), dimension.high)  # rounded, it may lie just outside
