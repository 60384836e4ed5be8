"""What is said of runs that were repeated, or were not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures import MakeRun

from seedbed.record.run import find_runs
from seedbed.report.comparison import Comparison, compare
from seedbed.report.verdicts import verdicts

Compared = Callable[..., Comparison]


@pytest.fixture
def compared(make_run: MakeRun, tmp_path: Path) -> Compared:
    """Compare settings, the rates of an optimizer, by their losses over seeds."""

    def make(losses: dict[float, list[float]], **more: object) -> Comparison:
        for rate, each in losses.items():
            for seed, loss in enumerate(each):
                name = f"{rate}-{seed}"
                make_run(name, [loss], seed=seed, optimizer={"lr": rate}, **more)
        return compare(find_runs([tmp_path]))

    return make


def test_one_seed_each_says_nothing(compared: Compared) -> None:
    [line] = verdicts(compared({0.1: [1.0], 0.2: [2.0]}))
    assert (
        line
        == "With one seed each, nothing can be said about which is better: repeat with seeds=5."
    )


def test_better_setting_is_named_with_the_interval_of_its_gain(compared: Compared) -> None:
    """By hand: differences 0.9, 1, 1.1: 1 ± 4.3027 * 0.1 / √3."""
    found = compared({0.1: [1.0, 2.0, 3.0], 0.2: [1.9, 3.0, 4.1]})
    first, method = verdicts(found)
    assert first == "lr=0.1 is better than lr=0.2 by 0.75 to 1.2 (3 seeds)"
    assert (
        method == "Better: p < 0.05 (t test, paired by seed; SciPy). Intervals: 95 %, of one pair."
    )
    assert [rank for rank, _ in found.ranked] == [1, 2]


def test_higher_is_better_where_the_experiment_says_so(compared: Compared) -> None:
    found = compared({0.1: [1.0, 2.0, 3.0], 0.2: [1.9, 3.0, 4.1]}, mode="max")
    assert verdicts(found)[0] == "lr=0.2 is better than lr=0.1 by 0.75 to 1.2 (3 seeds)"


def test_undecided_settings_share_a_rank_and_are_reported_how_many_seeds_would_decide(
    compared: Compared,
) -> None:
    found = compared({0.1: [1.0, 2.0, 3.0, 4.0], 0.2: [1.1, 2.2, 2.9, 4.3]})
    assert verdicts(found)[0] == (
        "lr=0.1 or lr=0.2: undecided: 0.12 ± 0.27 (4 seeds); about 13 more seeds would decide a "
        "difference of 0.12"
    )
    assert [rank for rank, _ in found.ranked] == [1, 1]


def test_rank_counts_the_settings_that_are_shown_to_be_better(compared: Compared) -> None:
    found = compared(
        {0.1: [1.0, 2.0, 3.0, 4.0], 0.2: [1.1, 2.2, 2.9, 4.2], 0.3: [9.0, 10.1, 11.0, 12.0]}
    )
    assert [rank for rank, _ in found.ranked] == [1, 1, 3]
    assert "after Holm's correction for 3 pairs" in verdicts(found)[-1]


def test_setting_ranked_below_others_than_the_best_is_listed_with_them(
    compared: Compared,
) -> None:
    found = compared(
        {0.1: [0.0, 2.0, 1.0, 3.0], 0.2: [1.6, 1.7, 1.6, 1.7], 0.3: [2.7, 2.81, 2.7, 2.81]}
    )
    assert [rank for rank, _ in found.ranked] == [1, 1, 2]
    assert verdicts(found)[1].startswith("lr=0.1 or lr=0.3: undecided")
    assert verdicts(found)[2] == "lr=0.2 is better than lr=0.3 by 1.1 (4 seeds)"


def test_setting_with_one_seed_is_said_to_be_undecidable(compared: Compared) -> None:
    found = compared({0.1: [1.0, 2.0, 3.0], 0.2: [1.9, 3.0, 4.1], 0.3: [0.5]})
    assert "About the 1 with one seed nothing can be said." in verdicts(found)
    assert [rank for rank, _ in found.ranked] == [1, 1, 2]


def test_settings_that_come_to_the_same_are_said_to(compared: Compared) -> None:
    found = compared({0.1: [1.0, 2.0, 3.0], 0.2: [1.0, 2.0, 3.0]})
    assert verdicts(found)[0] == "lr=0.1 and lr=0.2: the same (3 seeds)"
