import json
import math
from pathlib import Path

import pytest
import yaml
from fixtures import MakeRun

from seedbed.errors import SettingError
from seedbed.record.run import find_runs
from seedbed.report.comparison import Comparison, compare, compare_each, duration, figure
from seedbed.report.tables import remarks

NAN = float("nan")


@pytest.fixture
def rates(make_run: MakeRun, tmp_path: Path) -> Comparison:
    """Rate 0.1: 3 and 5 over two seeds, and a failure; 0.01: 3.5; 1: all failed, at a best of 2."""
    make_run("0", [9, 3, 4], seed=1, optimizer={"lr": 0.1})
    make_run("1", [9, 5, 7], seed=2, optimizer={"lr": 0.1})
    make_run("2", [9, 1, NAN], seed=3, optimizer={"lr": 0.1}, state="failed")
    make_run("3", [9, 3.5], optimizer={"lr": 0.01})
    make_run("4", [9, 2, NAN], optimizer={"lr": 1.0}, state="failed")
    return compare(find_runs([tmp_path]))


def test_repeats_over_seeds_have_mean_and_sample_deviation(rates: Comparison) -> None:
    summary = rates.groups[1].summary("val/loss")
    assert summary is not None
    assert (summary.mean, summary.count) == (4.0, 2)
    assert summary.deviation == pytest.approx(math.sqrt(2))
    assert str(summary) == "4.0000 ± 1.4142"


def test_failed_run_does_not_count_but_shows_among_those_that_finished(rates: Comparison) -> None:
    group = rates.groups[1]
    assert (len(group.runs), len(group.counted)) == (3, 2)
    assert group.states == "2 finished, 1 failed"


def test_best_is_first_and_what_did_not_finish_is_last_without_a_rank(rates: Comparison) -> None:
    ranked = [(rank, group.label) for rank, group in rates.ranked]
    assert ranked == [(1, "lr=0.01"), (1, "lr=0.1"), (None, "lr=1")]


def test_best_run_is_the_first_seed_of_the_best_mean(make_run: MakeRun, tmp_path: Path) -> None:
    for seed, rate, loss in [(2, 0.1, 1), (1, 0.1, 3), (1, 0.2, 0), (2, 0.2, 5), (0, 0.1, 9)]:
        state = "failed" if loss == 9 else "finished"
        make_run(f"{seed}-{rate}", [loss], seed=seed, optimizer={"lr": rate}, state=state)
    best = compare(find_runs([tmp_path])).best
    assert best is not None
    assert best.path.name == "1-0.1"


def test_there_is_no_best_run_where_all_failed(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("0", [1.0], state="failed")
    assert compare(find_runs([tmp_path])).best is None


def test_single_run_has_no_deviation(rates: Comparison) -> None:
    summary = rates.groups[0].summary("test/loss")
    assert summary is not None
    assert (summary.mean, summary.deviation) == (7.0, None)


def test_highest_is_first_where_the_experiment_says_so(make_run: MakeRun, tmp_path: Path) -> None:
    for number, rate in enumerate((0.1, 0.2)):
        make_run(str(number), [rate], optimizer={"lr": rate}, mode="max")
    labels = [group.label for group in compare(find_runs([tmp_path])).groups]
    assert labels == ["lr=0.2", "lr=0.1"]


def test_another_metric_is_ranked_in_its_own_direction(make_run: MakeRun, tmp_path: Path) -> None:
    for number, r2 in enumerate((0.1, 0.2)):
        folder = make_run(str(number), [1.0], optimizer={"lr": r2})
        (folder / "metrics.json").write_text(f'{{"val/loss": 1, "test/r2": {r2}}}')
    found = compare(find_runs([tmp_path]), metric="test/r2")
    assert (found.mode, found.groups[0].label) == ("max", "lr=0.2")


def test_finished_run_whose_metric_is_no_number_has_no_rank(
    make_run: MakeRun, tmp_path: Path
) -> None:
    make_run("0", [math.inf], optimizer={"lr": 1.0})
    make_run("1", [2.0])
    ranked = [(rank, group.label) for rank, group in compare(find_runs([tmp_path])).ranked]
    assert ranked == [(1, "lr=0.01"), (None, "lr=1")]


def test_infinite_repeats_raise_no_warning(make_run: MakeRun, tmp_path: Path) -> None:
    for seed in (1, 2):
        make_run(str(seed), [math.inf], seed=seed)
    summary = compare(find_runs([tmp_path])).groups[0].summary("val/loss")
    assert summary is not None
    assert math.isinf(summary.mean)


def test_unknown_metric_names_the_nearest(rates: Comparison) -> None:
    with pytest.raises(SettingError, match=r"val/los: no run has it; did you mean val/loss"):
        compare(rates.runs, metric="val/los")


def test_runs_that_decide_by_different_metrics_are_never_ranked_together(
    make_run: MakeRun, tmp_path: Path
) -> None:
    make_run("0", [1.0])
    run = make_run("1", [1.0], monitor="val/accuracy", mode="max")
    (run / "metrics.json").write_text(json.dumps({"val/accuracy": 0.5, "val/loss": 1.0}))
    runs = find_runs([tmp_path])
    assert [(c.metric, len(c.runs)) for c in compare_each(runs)] == [
        ("val/loss", 1),
        ("val/accuracy", 1),
    ]
    assert [c.metric for c in compare_each(runs, metric="val/loss")] == ["val/loss"] * 2


def test_losses_that_weigh_classes_otherwise_are_never_ranked_together(
    make_run: MakeRun, tmp_path: Path
) -> None:
    for number, weights in enumerate([{}, {"class_weights": None}, {"class_weights": "balanced"}]):
        make_run(str(number), [1.0], task={"loss": "bce"} | weights)
    assert [len(each.runs) for each in compare_each(find_runs([tmp_path]))] == [2, 1]


def test_run_that_its_own_monitor_cannot_rank_hides_no_other(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = make_run("0", [1.0], monitor=[1])
    make_run("1", [2.0])
    assert [len(each.runs) for each in compare_each(find_runs([tmp_path]))] == [1]
    assert f"left out: {odd}: --metric [1]: no run has it" in capsys.readouterr().out
    with pytest.raises(SettingError, match="no run has it"):
        compare_each(find_runs([odd]))


def test_tests_metric_is_better_the_way_that_the_runs_say(
    make_run: MakeRun, tmp_path: Path
) -> None:
    for name, test in (("0", 0.3), ("1", 0.5)):
        run = make_run(name, [1.0], monitor="val/iou", mode="max", optimizer={"lr": test})
        metrics = {"val/iou": 1.0, "test/iou": test}
        (run / "metrics.json").write_text(json.dumps(metrics))
    found = compare(find_runs([tmp_path]), metric="test/iou")
    assert (found.mode, found.groups[0].runs[0].path.name) == ("max", "1")


def test_metric_of_which_no_way_is_better_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("0", [1.0])
    (run / "metrics.json").write_text(json.dumps({"val/loss": 1.0, "val/sharpness": 0.5}))
    with pytest.raises(SettingError, match="it is not known which way it is better; add --mode"):
        compare(find_runs([tmp_path]), metric="val/sharpness")
    assert compare(find_runs([tmp_path]), metric="val/sharpness", mode="max").mode == "max"


def test_runs_without_a_monitor_are_ranked_by_the_metric_that_is_asked_for(
    make_run: MakeRun, tmp_path: Path
) -> None:
    for rate in (0.1, 0.2):
        run = make_run(str(rate), [1.0], monitor=None, optimizer={"lr": rate})
        (run / "metrics.json").write_text(json.dumps({"step": 9, "val_loss": 1 - rate}))
    runs = find_runs([tmp_path])
    with pytest.raises(SettingError, match="choose one by --metric, of val_loss"):
        compare(runs)
    found = compare(runs, metric="val_loss")
    assert (found.mode, found.groups[0].label) == ("min", "lr=0.2")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0"), (1.25, "1.2500"), (12345.6, "12,346"), (0.000123, "0.000123"),
     (2.5e30, "2.5e+30"), (math.nan, "nan"), (-math.inf, "-inf")],
)  # fmt: skip
def test_figure_shows_digits_that_say_something(value: float | None, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (5, "0:05"), (65, "1:05"), (3725, "1:02:05")]
)
def test_duration_is_minutes_or_hours(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def drew(run: Path, *rows: tuple[float, float, float]) -> None:
    """Leave predictions: input, target and prediction."""
    lines = ["input,target,prediction", *(",".join(map(str, row)) for row in rows)]
    (run / "predictions.csv").write_text("\n".join(lines) + "\n")


def test_error_of_repeats_is_divided_into_bias_with_noise_and_variance(
    make_run: MakeRun, tmp_path: Path
) -> None:
    """By hand: mean predictions 2 and 5 against 1 and 3; squared deviations 1 and 0."""
    drew(make_run("0", [2, 1], data={"draw_seed": 1}), (0, 1, 1), (1, 3, 5))
    drew(make_run("1", [2, 1], data={"draw_seed": 2}), (0, 1, 3), (1, 3, 5))
    [group] = compare(find_runs([tmp_path])).groups
    assert group.bias_and_variance == ((1 + 4) / 2, (1 + 0) / 2)
    mean_squared_errors = [(0 + 4) / 2, (4 + 4) / 2]
    assert sum(group.bias_and_variance) == sum(mean_squared_errors) / 2


def test_repeats_on_other_points_are_not_divided(make_run: MakeRun, tmp_path: Path) -> None:
    drew(make_run("0", [2, 1], data={"draw_seed": 1}), (0, 1, 1))
    drew(make_run("1", [2, 1], data={"draw_seed": 2}), (0, 2, 1))
    comparison = compare(find_runs([tmp_path]))
    assert comparison.groups[0].bias_and_variance is None
    assert not comparison.decomposed


def test_value_at_the_end_is_of_the_last_validation_where_the_ranking_is_of_the_best(
    rates: Comparison,
) -> None:
    best, last = rates.groups[1].summary("val/loss"), rates.groups[1].last("val/loss")
    assert best is not None
    assert last is not None
    assert (best.mean, last.mean) == ((3 + 5) / 2, (4 + 7) / 2)


def test_ranking_with_a_run_of_a_part_of_the_data_says_so(
    make_run: MakeRun, tmp_path: Path
) -> None:
    make_run("1", [9, 3])
    limited = make_run("2", [9, 2])
    config = yaml.safe_load((limited / "config.yaml").read_text())
    config["trainer"]["limit_test_batches"] = 1
    (limited / "config.yaml").write_text(yaml.safe_dump(config))
    comparison = compare(find_runs([tmp_path]))
    assert sorted(group.states for group in comparison.groups) == ["finished", "finished, partial"]
    said = "partial: on a part of the data alone, by trainer.limit_test_batches=1."
    assert said in remarks(comparison)
