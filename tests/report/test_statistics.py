"""Tests of differences against SciPy's own, and against a truth that is known."""

import numpy as np
import pytest
from scipy import stats

from seedbed.report.statistics import Contrasts, holm

Table = list[dict[int, float]]


def table(*rows: list[float]) -> Table:
    return [dict(enumerate(row)) for row in rows]


def test_difference_by_seed_is_scipys_paired_t_test() -> None:
    one, other = [0.1, 0.5, 0.2, 0.9], [0.2, 0.7, 0.2, 1.2]
    found = Contrasts(table(one, other)).between(0, 1)
    expected = stats.ttest_rel(one, other)
    low, high = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high))
    assert (found.seeds, found.paired) == (4, True)


def test_settings_without_common_seeds_are_compared_by_welchs_t_test() -> None:
    one, other = [0.1, 0.5, 0.2], [1.2, 1.7, 1.2, 1.3]
    settings = [dict(enumerate(one)), dict(enumerate(other, start=3))]
    found = Contrasts(settings).between(1, 0)
    expected = stats.ttest_ind(other, one, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high))
    assert (found.seeds, found.paired) == (3, False)


def test_only_common_seeds_are_paired() -> None:
    found = Contrasts([{1: 1.0, 2: 3.0, 3: 9.0}, {2: 2.0, 3: 7.0, 4: 0.0}]).between(0, 1)
    assert (found.mean, found.seeds) == (1.5, 2)


def test_holms_correction_is_that_of_the_textbook() -> None:
    """Holm (1979): the least times 4, the next times 3, and none below the one before."""
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_equal_differences_of_few_seeds_decide_nothing() -> None:
    """As of an accuracy that can only be one of a few numbers."""
    assert not Contrasts(table([0.9, 0.8], [0.8, 0.7])).between(0, 1).decided
    assert Contrasts(table([0.9] * 6, [0.8] * 6)).between(0, 1).decided
    assert not Contrasts(table([0.9] * 6, [0.9] * 6)).between(0, 1).decided


def test_signs_say_which_is_higher_where_that_is_decided() -> None:
    settings = table([1.0, 1.1, 1.2, 1.1], [3.0, 3.1, 3.3, 3.1], [1.0, 1.2, 1.1, 1.1])
    assert Contrasts(settings).signs.tolist() == [[0, -1, 0], [1, 0, 1], [0, -1, 0]]


def test_seeds_that_are_asked_for_would_decide_most_of_the_time() -> None:
    generator = np.random.default_rng(0)
    first = Contrasts(table([0.0, 1.0, 2.0, 0.5], [0.5, 0.0, 1.5, 0.7])).between(0, 1)
    more = first.more_seeds(1.0)
    assert more is not None
    drawn = generator.normal(1.0, first.deviation, (1000, 4 + more))
    decided = np.asarray(stats.ttest_1samp(drawn, 0.0, axis=1).pvalue) < 0.05
    assert 0.75 < decided.mean() < 0.9
    assert first.more_seeds(1e-9) is None


def simulated(count: int, effects: list[float], seeds: int) -> list[Contrasts]:
    """Made-up tables: what a seed does to all settings, and chance beside."""
    generator = np.random.default_rng(1)
    tables = []
    for _ in range(count):
        of_seed = generator.normal(0.0, 1.0, seeds)
        values = of_seed + generator.normal(0.0, 0.3, (len(effects), seeds)) + np.c_[effects]
        tables.append(Contrasts(table(*values.tolist())))
    return tables


@pytest.mark.parametrize(("settings", "seeds"), [(2, 5), (4, 5), (6, 3)])
def test_equal_settings_are_called_better_in_at_most_65_of_1000_tables(
    settings: int, seeds: int
) -> None:
    tables = simulated(1000, [0.0] * settings, seeds)
    assert sum(bool(each.signs.any()) for each in tables) <= 65


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_intervals_cover_a_known_difference_in_935_to_965_of_1000_tables(seeds: int) -> None:
    found = [each.between(1, 0) for each in simulated(1000, [0.0, 0.2], seeds)]
    assert 935 <= sum(abs(each.mean - 0.2) <= each.half for each in found) <= 965


def test_difference_that_is_there_is_found() -> None:
    tables = simulated(200, [0.0, 1.0], 5)
    assert sum(each.signs[1, 0] == 1 for each in tables) > 180
