from typing import Any, Literal

import pytest

from seedbed.sweep.ledger import Result
from seedbed.sweep.search import Trial, propose
from seedbed.sweep.space import Choice, Interval, Point, Space

SPACE: Space = (
    Interval("x", -10.0, 10.0, log=False),
    Interval("lr", 1e-4, 1.0, log=True),
    Interval("n", 1, 9, log=False),
    Choice("depth", ("2", "4", "6"), ordered=True),
    Choice("net", ("mlp", "gpt")),
)


def proposed(trials: list[Trial], seed: int = 0, **more: Any) -> Point:
    options: dict[str, Any] = {"algorithm": "tpe", "mode": "min"} | more
    return propose(SPACE, trials, seed=seed, **options)


def searched(
    count: int, algorithm: Literal["random", "tpe"], mode: Literal["min", "max"] = "min"
) -> list[Trial]:
    """Trials of a search for the x nearest to 3, or farthest from it."""
    trials: list[Trial] = []
    for _ in range(count):
        point = proposed(trials, algorithm=algorithm, mode=mode)
        trials.append((point, Result("finished", (float(point["x"]) - 3) ** 2)))
    return trials


@pytest.mark.parametrize("algorithm", ["random", "tpe"])
def test_same_trials_and_seed_give_the_same_proposal(algorithm: str) -> None:
    trials = searched(12, "random")
    assert proposed(trials, algorithm=algorithm) == proposed(trials, algorithm=algorithm)
    assert proposed(trials, algorithm=algorithm) != proposed(trials, 1, algorithm=algorithm)


def test_each_trial_gets_a_point_of_its_own() -> None:
    points = [tuple(point.items()) for point, _ in searched(15, "random")]
    assert len(set(points)) == 15


@pytest.mark.parametrize("algorithm", ["random", "tpe"])
def test_proposals_lie_in_the_space(algorithm: Literal["random", "tpe"]) -> None:
    for point, _ in searched(20, algorithm):
        assert -10 <= float(point["x"]) <= 10
        assert 1e-4 <= float(point["lr"]) <= 1
        assert point["n"] in list("123456789")
        assert point["depth"] in ("2", "4", "6")
        assert point["net"] in ("mlp", "gpt")


def test_logarithmic_interval_is_searched_by_orders_of_magnitude() -> None:
    rates = sorted(float(point["lr"]) for point, _ in searched(40, "random"))
    assert 1e-3 < rates[20] < 1e-1  # the median of a uniform draw would lie near 0.5


@pytest.mark.parametrize("seed", [0, 1, 42])
def test_first_trials_of_tpe_are_spread_over_every_setting(seed: int) -> None:
    trials: list[Trial] = []
    for _ in range(8):
        trials.append((proposed(trials, seed), Result("finished", 1.0)))
    eighths = {int((float(point["x"]) + 10) / 20 * 8) for point, _ in trials}
    assert len(eighths) == 8
    assert [point["net"] for point, _ in trials].count("mlp") == 4
    assert {point["depth"] for point, _ in trials} == {"2", "4", "6"}
    assert len({point["n"] for point, _ in trials}) >= 7


@pytest.mark.parametrize("mode", ["min", "max"])
def test_tpe_comes_closer_than_chance(mode: Literal["min", "max"]) -> None:
    def late(algorithm: Literal["random", "tpe"]) -> float:
        values = [result.value or 0.0 for _, result in searched(40, algorithm, mode)[20:]]
        return sum(values) / len(values)

    better = late("tpe") < late("random")
    assert better if mode == "min" else not better


def test_random_search_does_not_look_at_results() -> None:
    trials = searched(5, "random")
    failed = [(point, Result("failed")) for point, _ in trials]
    assert proposed(trials, algorithm="random") == proposed(failed, algorithm="random")


def test_failed_pruned_and_running_trials_are_taken() -> None:
    states = [
        (trial[0], Result("failed")) if number % 3 == 0 else trial
        for number, trial in enumerate(searched(15, "random"))
    ]
    states[1] = states[1][0], Result("pruned", 4.0, step=7)
    states[2] = states[2][0], Result("running")
    assert set(proposed(states)) == {dimension.key for dimension in SPACE}


def test_number_rounded_past_the_end_is_taken_back_into_the_space() -> None:
    space: Space = (Interval("x", 0.0, 0.12345649, log=False),)
    trials: list[Trial] = [({"x": "0.123457"}, Result("finished", 1.0))]
    [value] = propose(space, trials, algorithm="tpe", seed=0, mode="min").values()
    assert 0 <= float(value) <= 0.12346
