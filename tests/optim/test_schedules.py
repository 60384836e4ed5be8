import inspect
import io
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from shipped import options
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from seedbed.config.build import resolve
from seedbed.optim.schedules import (
    Constant,
    Cosine,
    Exponential,
    Linear,
    MultiStep,
    OneCycle,
    Plateau,
    Schedule,
    Step,
    WarmupStableDecay,
)
from seedbed.project import CONF

TOTAL = 40
RATES = (0.5, 2.0)

Make = Callable[[SGD, int], Schedule]

AFTER_WARMUP = [Cosine, Linear]
"""Those whose fall begins at the warm-up's end."""

EVERY = [
    *(Constant, Step, MultiStep, Exponential, OneCycle, WarmupStableDecay, Plateau),
    *AFTER_WARMUP,
]
every_schedule = pytest.mark.parametrize("make", EVERY)

LOSSES = [9, 8, 8, 7.9999, 7, 7.5, 7.1, 7.2, 6.9999, 6, 6, 6, 6, 5, 5, 5.5, 4, 4, 4, 4, 4, 4, 4]
"""What validations find: falls, rests, and falls that are too small to count."""


def optimizer_of(rates: tuple[float, ...]) -> SGD:
    return SGD([{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates])


def scheduled(make: Make, total_steps: int = TOTAL) -> tuple[SGD, Schedule]:
    optimizer = optimizer_of(RATES)
    return optimizer, make(optimizer, total_steps)


def go_on(optimizer: SGD, schedule: LRScheduler, steps: int) -> list[tuple[float, ...]]:
    """Each group's rate at each step."""
    rates = []
    for _ in range(steps):
        rates.append(tuple(group["lr"] for group in optimizer.param_groups))
        optimizer.step()
        schedule.step()
    return rates


def factors(make: Make, steps: int = TOTAL + 1) -> list[float]:
    """The factor of every step of a fit, and the one after the last."""
    each = [np.divide(rates, RATES) for rates in go_on(*scheduled(make), steps)]
    assert all(first == pytest.approx(second) for first, second in each)
    return [first for first, _ in each]


def torchs(make: Callable[[SGD], LRScheduler]) -> list[float]:
    """The same of one of torch's schedules."""
    optimizer = optimizer_of((1.0,))
    return [rate for (rate,) in go_on(optimizer, make(optimizer), TOTAL + 1)]


def ceiling(rise: int) -> list[float]:
    """A warm-up of so many steps."""
    return [min(1.0, (step + 1) / (rise + 1)) for step in range(TOTAL + 1)]


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, Any] = torch.load(file, weights_only=True)
    return loaded


@pytest.mark.parametrize("make", [Constant, Plateau])
def test_constant_and_unobserved_plateau_keep_every_rate(make: Make) -> None:
    assert factors(make) == [1.0] * (TOTAL + 1)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (partial(Step, every=7, gamma=0.3), partial(StepLR, step_size=7, gamma=0.3)),
        (
            partial(MultiStep, milestones=[30, 10], gamma=0.3),
            partial(MultiStepLR, milestones=[10, 30], gamma=0.3),
        ),
        (partial(Exponential, every=1, gamma=0.9), partial(ExponentialLR, gamma=0.9)),
        (partial(Cosine, final=0.1), partial(CosineAnnealingLR, T_max=TOTAL, eta_min=0.1)),
        (
            partial(OneCycle, rise=12, start=0.1, final=0.001),
            partial(
                OneCycleLR,
                max_lr=1.0,
                total_steps=TOTAL + 1,
                pct_start=(12 + 1) / (TOTAL + 1),
                div_factor=10,
                final_div_factor=100,
                cycle_momentum=False,
            ),
        ),
    ],
    ids=["step", "multistep", "exponential", "cosine", "one_cycle"],
)
def test_schedule_equals_torchs_own(ours: Make, theirs: Callable[[SGD], LRScheduler]) -> None:
    assert factors(ours) == pytest.approx(torchs(theirs))


def test_exponential_falls_by_gamma_over_each_length() -> None:
    expected = [0.25 ** (step / 8) for step in range(TOTAL + 1)]
    assert factors(partial(Exponential, every=8, gamma=0.25)) == pytest.approx(expected)


def test_one_cycle_with_the_shipped_numbers_has_those_of_the_paper_at_its_corners() -> None:
    each = factors(OneCycle)
    assert (each[0], each[12], each[TOTAL]) == pytest.approx((1 / 25, 1.0, 1 / 25 / 1e4))


def test_one_cycle_leaves_momentum_alone() -> None:
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    go_on(optimizer, OneCycle(optimizer, TOTAL), 20)
    assert optimizer.param_groups[0]["momentum"] == 0.9


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
@pytest.mark.parametrize(
    ("warmup", "decay", "rise", "fall"),
    [
        (0.1, 0.5, 4, 20),
        (4, 20, 4, 20),
        (0.0, 0.25, 0, 10),
        (1, 1, 1, 1),
        (0.25, 0.0, 10, 0),
        (0.0, 0.0, 0, 0),
    ],
)
def test_warmup_stable_decay_is_linear_between_its_corners(
    warmup: float, decay: float, rise: int, fall: int, final: float
) -> None:
    corners = {-1: 0.0, rise: 1.0, TOTAL - fall - 1: 1.0, TOTAL: final}
    expected = np.interp(range(TOTAL + 1), list(corners), list(corners.values()))
    make = partial(WarmupStableDecay, warmup=warmup, decay=decay, final=final)
    assert factors(make) == pytest.approx(list(expected))


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_fall_reaches_its_end_after_the_last_step_and_not_before(final: float) -> None:
    each = factors(partial(WarmupStableDecay, decay=9, final=final))
    assert each[TOTAL - 10 :] == pytest.approx(
        [final + (1 - final) * tenths / 10 for tenths in range(10, -1, -1)]
    )


def test_rise_and_fall_that_overlap_take_the_lower_of_the_two() -> None:
    each = factors(partial(WarmupStableDecay, warmup=30, decay=30))
    rise = [(step + 1) / 31 for step in range(TOTAL + 1)]
    fall = [(TOTAL - step) / 31 for step in range(TOTAL + 1)]
    assert each == pytest.approx(np.minimum(rise, fall).tolist())


@pytest.mark.parametrize(("warmup", "rise"), [(0.25, 10), (10, 10), (0, 0), (10 * TOTAL, 400)])
@pytest.mark.parametrize("make", [make for make in EVERY if make not in AFTER_WARMUP])
def test_warmup_is_a_rising_ceiling_over_the_schedule(make: Make, warmup: float, rise: int) -> None:
    without = factors(partial(make, warmup=0))
    expected = np.minimum(ceiling(rise), without).tolist()
    assert factors(partial(make, warmup=warmup)) == pytest.approx(expected)


@pytest.mark.parametrize("warmup", [0.25, 10])
def test_cosine_begins_its_fall_at_the_end_of_its_warmup(warmup: float) -> None:
    fall = [0.1 + 0.9 * (1 + math.cos(math.pi * step / 30)) / 2 for step in range(31)]
    expected = [*ceiling(10)[:10], *fall]
    assert factors(partial(Cosine, warmup=warmup, final=0.1)) == pytest.approx(expected)


@pytest.mark.parametrize("warmup", [0.25, 10])
def test_linear_begins_its_fall_at_the_end_of_its_warmup(warmup: float) -> None:
    fall = [0.1 + 0.9 * left / 31 for left in range(30, -1, -1)]
    expected = [*ceiling(10)[:10], *fall]
    assert factors(partial(Linear, warmup=warmup, final=0.1)) == pytest.approx(expected)


@pytest.mark.parametrize("warmup", [0.0, 0.01, 0.5, 1, TOTAL, 10 * TOTAL])
@every_schedule
def test_first_step_is_not_lost_to_a_rate_of_zero(make: Make, warmup: float) -> None:
    assert factors(partial(make, warmup=warmup))[0] > 0


@pytest.mark.parametrize(
    ("make", "name", "fraction", "steps"),
    [
        (Constant, "warmup", 0.1, 4),
        (Step, "every", 0.2, 8),
        (MultiStep, "milestones", [0.5, 0.9], [20, 36]),
        (Exponential, "every", 0.4, 16),
        (OneCycle, "rise", 0.4, 16),
        (WarmupStableDecay, "decay", 0.4, 16),
    ],
)
def test_length_is_a_fraction_of_the_fit_or_a_number_of_steps(
    make: Make, name: str, fraction: Any, steps: Any
) -> None:
    in_steps = factors(partial(make, **{name: steps}))
    assert factors(partial(make, **{name: fraction})) == in_steps != factors(make)


@pytest.mark.parametrize("make", [Step, Exponential])
def test_length_that_is_less_than_a_step_is_one_step(make: Make) -> None:
    assert factors(partial(make, every=0.001)) == factors(partial(make, every=1))


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (partial(Exponential, gamma=-0.5), "gamma=-0.5: expected 0 or more"),
        (partial(Cosine, final=-1), "final=-1: expected 0 or more"),
        (partial(OneCycle, start=math.nan), "start=nan: expected 0 or more"),
        (partial(Plateau, patience=-1), "patience=-1: expected 0 or more"),
        (partial(MultiStep, milestones=(0.5, -1)), "expected a fraction of the fit or a number"),
        (partial(Constant, warmup=1.5), "a fraction of the fit or a number of steps, got 1.5"),
    ],
)
def test_number_out_of_its_range_is_refused(make: Make, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        scheduled(make)


VARIANTS = {(name, "warmup") for name in ("warmup_cosine", "warmup_linear", "triangular")}
"""What an option has otherwise than its schedule, by its name."""


@pytest.mark.parametrize(
    "path",
    [CONF / "scheduler" / f"{name}.yaml" for name in options("scheduler")],
    ids=lambda path: path.stem,
)
def test_default_is_the_one_in_the_schedules_file(path: Path) -> None:
    node = yaml.safe_load(path.read_text(encoding="utf-8"))
    parameters = inspect.signature(resolve(node["_target_"], "scheduler")).parameters
    for name, value in node.items():
        if not name.startswith("_") and (path.stem, name) not in VARIANTS:
            assert pytest.approx(parameters[name].default) == np.float64(value)


@every_schedule
def test_negative_length_is_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="warmup=-3: expected 0 or more"):
        scheduled(partial(make, warmup=-3))


@every_schedule
def test_schedule_stays_at_its_last_factor_past_its_end(make: Make) -> None:
    each = factors(make, steps=2 * TOTAL)
    assert set(each[TOTAL:]) == {each[TOTAL]}


@pytest.mark.parametrize("final", [0.0, 0.02])
@pytest.mark.parametrize("cooldown", [0, 3])
@pytest.mark.parametrize("threshold", [0.0, 1e-4, 0.1])
@pytest.mark.parametrize("patience", [0, 1, 2])
def test_plateaus_transitions_equal_torchs(
    patience: int, threshold: float, cooldown: int, final: float
) -> None:
    same: dict[str, Any] = {"patience": patience, "threshold": threshold, "cooldown": cooldown}
    optimizer, reference = optimizer_of((1.0,)), optimizer_of((1.0,))
    ours = Plateau(optimizer, TOTAL, gamma=0.5, final=final, **same)
    theirs = ReduceLROnPlateau(reference, factor=0.5, min_lr=final, eps=0.0, **same)
    rates, expected = [], []
    for loss in LOSSES:
        ours.observe(loss)
        theirs.step(loss)
        rates += go_on(optimizer, ours, 1)
        expected.append((reference.param_groups[0]["lr"],))
    assert rates == expected
    assert len(set(expected)) > 1


def test_plateaus_fall_scales_every_groups_own_rate_from_the_next_step_on() -> None:
    optimizer, schedule = scheduled(partial(Plateau, patience=0, gamma=0.1))
    schedule.observe(1.0)
    before = go_on(optimizer, schedule, 2)
    schedule.observe(1.0)
    assert before == [RATES, RATES]
    assert go_on(optimizer, schedule, 1) == [pytest.approx((0.05, 0.2))]


def test_plateau_that_falls_in_its_warmup_stays_under_both() -> None:
    optimizer, schedule = scheduled(partial(Plateau, patience=0, gamma=0.5, warmup=9))
    schedule.observe(1.0)
    rates = go_on(optimizer, schedule, 2)
    schedule.observe(1.0)
    rates += go_on(optimizer, schedule, TOTAL - 2)
    expected = [min((step + 1) / 10, 0.5) for step in range(TOTAL)]
    assert [rate for _, rate in rates] == pytest.approx([2.0 * factor for factor in expected])


@every_schedule
def test_schedule_goes_on_after_a_round_trip_through_a_file(make: Make) -> None:
    optimizer, schedule = scheduled(make)
    go_on(optimizer, schedule, 35)
    state = through_a_file({"of": optimizer.state_dict(), "by": schedule.state_dict()})
    resumed, resumed_schedule = scheduled(make)
    resumed.load_state_dict(state["of"])
    resumed_schedule.load_state_dict(state["by"])
    assert go_on(resumed, resumed_schedule, 6) == go_on(optimizer, schedule, 6)


@every_schedule
def test_fit_made_longer_keeps_the_horizon_it_began_with(make: Make) -> None:
    optimizer, schedule = scheduled(make)
    go_on(optimizer, schedule, 25)
    state = through_a_file({"of": optimizer.state_dict(), "by": schedule.state_dict()})
    longer, longer_schedule = scheduled(make, 3 * TOTAL)
    longer.load_state_dict(state["of"])
    longer_schedule.load_state_dict(state["by"])
    rates = go_on(longer, longer_schedule, 2 * TOTAL)
    assert rates[: TOTAL - 25 + 1] == go_on(optimizer, schedule, TOTAL - 25 + 1)
    assert len(set(rates[TOTAL - 25 :])) == 1


def test_plateau_counts_on_after_a_round_trip_through_a_file() -> None:
    make = partial(Plateau, patience=2, cooldown=2, gamma=0.5)
    optimizer, schedule = scheduled(make)
    rates = []
    for loss in LOSSES:
        schedule.observe(loss)
        rates += go_on(optimizer, schedule, 1)

    optimizer, schedule = scheduled(make)
    resumed_rates = []
    for loss in LOSSES:  # by a new schedule each time
        state = through_a_file({"of": optimizer.state_dict(), "by": schedule.state_dict()})
        optimizer, schedule = scheduled(make)
        optimizer.load_state_dict(state["of"])
        schedule.load_state_dict(state["by"])
        schedule.observe(loss)
        resumed_rates += go_on(optimizer, schedule, 1)
    assert resumed_rates == rates
    assert len(set(rates)) > 2
