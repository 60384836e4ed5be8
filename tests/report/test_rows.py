"""Runs compared by the test's rows that they have kept."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from fixtures import MakeRun

from seedbed.files import place_csv
from seedbed.record.run import find_runs
from seedbed.report.comparison import compare
from seedbed.report.rows import compared, verdicts_by_row
from seedbed.report.tables import as_json, remarks

GENERATOR = np.random.default_rng(0)
LOSSES = GENERATOR.normal(1.0, 1.0, 200)
NOISE = GENERATOR.normal(0.0, 0.1, 200)


@pytest.fixture
def said(make_run: MakeRun, tmp_path: Path) -> Callable[..., list[str]]:
    """What is said of settings by each test row's losses; on validation the first is best."""

    def make(*losses: np.ndarray, targets: Sequence[int] = (0, 0, 0)) -> list[str]:
        for place, each in enumerate(losses):
            folder = make_run(str(place), [1.0 + place], optimizer={"lr": 1.0 + place})
            target = np.full(len(each), targets[place])
            rows = zip(each.tolist(), target.tolist(), strict=True)
            place_csv(folder / "test_rows.csv", [["loss", "target"], *rows])
        return verdicts_by_row(compare(find_runs([tmp_path])))

    return make


def test_net_that_is_better_on_the_same_rows_is_named_with_its_interval(
    said: Callable[..., list[str]],
) -> None:
    """The rows differ by 1, the nets by 0.1 ± 0.1, which unpaired nobody could tell."""
    head, line = said(LOSSES, LOSSES + 0.1 + NOISE)
    assert head == (
        "Of these nets only, by test/loss of the same 200 rows (permutation test and bootstrap, "
        "paired by row; SciPy):"
    )
    start, low, to, high = line.rsplit(" ", 3)
    assert (start, to) == ("lr=1: better than lr=2 by", "to")
    middle, half = 0.1 + NOISE.mean(), 1.96 * NOISE.std() / len(NOISE) ** 0.5
    assert (float(low), float(high)) == pytest.approx((middle - half, middle + half), abs=5e-3)


def test_undecided_nets_are_reported_with_the_interval_and_all_pairs_are_corrected_for(
    said: Callable[..., list[str]],
) -> None:
    head, first, second = said(LOSSES, LOSSES - 0.1 + NOISE, LOSSES + NOISE)
    assert head.endswith("SciPy), after Holm's correction for 2 pairs:")
    assert first.startswith("lr=2: better than lr=1 by ")
    assert second.startswith("lr=1 or lr=3: undecided: -0.0")


def test_other_rows_are_not_compared(said: Callable[..., list[str]]) -> None:
    assert said(LOSSES, LOSSES + 1, targets=(0, 1)) == []


def test_runs_without_rows_say_nothing(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("0", [1.0])
    make_run("1", [2.0], optimizer={"lr": 1.0})
    assert verdicts_by_row(compare(find_runs([tmp_path]))) == []


def test_equal_nets_are_called_better_in_about_5_of_100_tables() -> None:
    generator = np.random.default_rng(0)
    found = [compared(generator.normal(0.0, 1.0, 60)) for _ in range(100)]
    assert sum(p < 0.05 for *_, p in found) <= 10
    assert sum(low <= 0 <= high for low, high, _ in found) >= 88


def test_figures_of_opened_runs_alone_are_said_to_be_so(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("0", [1.0])
    folder = make_run("1", [2.0], optimizer={"lr": 1.0})
    (folder / "metrics.json").write_text('{"val/loss": 2.0}')
    assert "Test figures are shown of these only." in remarks(compare(find_runs([tmp_path])))


def test_verdicts_by_row_are_given_to_programs_too(
    said: Callable[..., list[str]], tmp_path: Path
) -> None:
    found = said(LOSSES, LOSSES + 0.1 + NOISE)
    assert found
    assert as_json(compare(find_runs([tmp_path])))["verdicts"][-2:] == found
