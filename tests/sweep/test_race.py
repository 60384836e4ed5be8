"""A race of settings: against a truth that is known, and as a sweep."""

from typing import Any

import numpy as np
import pytest

from seedbed.record.directory import RunDirectory
from seedbed.record.run import find_runs
from seedbed.report.comparison import compare
from seedbed.report.tables import rows
from seedbed.report.verdicts import verdicts
from seedbed.sweep import run as module
from seedbed.sweep.ledger import Ledger
from seedbed.sweep.race import Race, moderated, standing

MOST = 10


def raced(table: np.ndarray) -> tuple[int, float, int]:
    """The winner of a table of settings and seeds, how far it says to be behind, and the jobs."""
    left, jobs = [*range(len(table))], 2 * len(table)
    for seeds in range(2, MOST + 1):
        now = standing(table[left][:, :seeds], entered=len(table), looks=MOST - 1)
        leader, left = left[now.leader], [left[n] for n in now.left]
        if len(left) == 1 or seeds == MOST:
            break
        jobs += len(left)
    return leader, now.behind, jobs


@pytest.mark.slow
@pytest.mark.parametrize(
    "deviations",
    [[0.2] * 8, [0.1, 0.1, 0.1, 0.2, 0.2, 0.2, 0.4, 0.4], [0.4, 0.4, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1]],
    ids=["alike", "the worse vary more", "the better vary more"],
)
def test_winner_loses_to_the_full_grids_by_no_more_than_is_stated(deviations: list[float]) -> None:
    generator = np.random.default_rng(2)
    truth = np.array([0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.5])
    missed_best = missed_grids = jobs = 0
    for _ in range(1000):
        of_seeds = generator.normal(0.0, 1.0, MOST)
        noise = generator.normal(0.0, 1.0, (len(truth), MOST)) * np.c_[deviations]
        table = truth[:, None] + of_seeds + noise
        winner, behind, spent = raced(table)
        missed_best += truth[winner] - truth.min() > behind
        missed_grids += truth[winner] - truth[table.mean(axis=1).argmin()] > behind
        jobs += spent
    assert max(missed_best, missed_grids) <= 50
    assert jobs < 0.7 * 1000 * len(truth) * MOST


def test_variances_that_are_alike_are_taken_together_and_one_that_stands_out_keeps_its_own() -> (
    None
):
    alike, freedom = moderated(np.array([1.0, 1.1, 0.9, 1.05]), 4)
    assert freedom.tolist() == [16.0] * 4
    assert alike.tolist() == pytest.approx([1.1] * 4, abs=0.15)
    apart, freedom = moderated(np.array([1.0, 1e-4, 1e4, 1.05]), 4)
    assert apart[2] == 1e4
    assert freedom[0] < 6


def test_equal_differences_of_two_seeds_drop_nothing() -> None:
    """As of an accuracy that can only be one of a few numbers."""
    two = np.array([[0.8, 0.7], [0.9, 0.8]])
    assert standing(two, entered=2, looks=9).left == [0, 1]


def test_setting_of_which_a_job_has_failed_is_out() -> None:
    points = [{"x": "1"}, {"x": "2"}, {"x": "3"}]
    values = [[1.0, 1.1], [float("nan"), 0.1], [1.05, 1.0]]
    assert Race(MOST).go_on(points, values) == [points[0], points[2]]


RATES = ("optimizer.lr=0.02,0.0001,0.0002", "init=constant", "data.batch_size=20")


@pytest.fixture
def race(plan_of: Any, compose_of: Any, sweep: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A race of three rates, of which the first is far better, with its report."""
    monkeypatch.undo()

    def run(**settings: Any) -> list[RunDirectory]:
        plan = plan_of(*RATES, **settings)
        module.run(plan, sweep.folder, compose_of, command=[*RATES])
        return sweep.runs()

    return run


def test_settings_that_cannot_win_get_no_more_seeds(
    race: Any, sweep: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds = [(run.config()["optimizer"]["lr"], run.config()["seed"])
             for run in race(seeds="race", max_seeds=5)]  # fmt: skip
    assert len(seeds) < 3 * 5
    assert sum(rate == 0.02 for rate, _ in seeds) >= sum(rate == 0.0001 for rate, _ in seeds)
    printed = capsys.readouterr().out
    assert (
        f"race: 2 of 3 settings were dropped as worse; {len(seeds)} jobs in place of 15." in printed
    )
    recorded = Ledger(sweep.folder).record()["race"]
    assert recorded == {"jobs": len(seeds), "in_place_of": 15, "behind": 0.0}
    found = compare(find_runs([sweep.folder]))
    assert [(rank, group.dropped) for rank, group in found.ranked] == [
        (1, False), (2, True), (2, True),
    ]  # fmt: skip
    assert [head for head, *_ in rows(found)] == ["1", "2", "2"]  # without "=", as of no verdict
    assert verdicts(found) == ["Dropped by the race, as shown to be worse: 2 settings."]
    before = sweep.contents()
    race(seeds="race", max_seeds=5)
    assert sweep.contents() == before


def test_full_number_of_seeds_takes_up_what_a_race_has_dropped(
    race: Any, sweep: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "report", lambda *_: None)
    race(seeds="race", max_seeds=3)
    assert len(race(seeds=3)) == 9
    assert not any(group.dropped for group in compare(find_runs([sweep.folder])).groups)
