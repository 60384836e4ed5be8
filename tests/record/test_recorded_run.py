import json
from pathlib import Path

import pytest
from fixtures import MakeRun

from seedbed.errors import RunError
from seedbed.record.run import find_runs, read_run


def test_folder_means_all_runs_below_it_with_10_after_9(make_run: MakeRun, tmp_path: Path) -> None:
    for number in (10, 9, 1):
        make_run(str(number), [1.0])
    make_run("line/2026-01-31", [1.0])
    found = [run.path.relative_to(tmp_path / "runs") for run in find_runs([tmp_path])]
    assert [str(path) for path in found] == ["1", "9", "10", "line/2026-01-31"]


def test_run_named_twice_is_read_once(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run("0", [1.0])
    assert [run.path for run in find_runs([folder, tmp_path])] == [folder]


@pytest.mark.parametrize("step", ["null", "NaN", "Infinity", "1e400"])
def test_steps_are_those_of_the_log_where_the_checkpoints_is_no_number(
    step: str, make_run: MakeRun
) -> None:
    folder = make_run("0", [2.0, 1.0])
    (folder / "metrics.json").write_text(f'{{"step": {step}, "val/loss": 1.0}}')
    assert read_run(folder, tolerant=True).steps == 1


def test_links_that_lead_back_have_an_end(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run("group/0", [1.0])
    for name in ("here", "again"):
        (folder.parent / name).symlink_to(tmp_path)
    assert [run.path for run in find_runs([tmp_path])] == [folder]


@pytest.mark.parametrize("there", [True, False])
def test_place_without_runs_is_named(there: bool, tmp_path: Path) -> None:
    place = tmp_path / "place"
    if there:
        place.mkdir()
    with pytest.raises(RunError, match=f"{place}: expected a run's directory"):
        find_runs([place])


def test_run_whose_settings_were_cut_off_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    with pytest.raises(RunError, match=r"config\.yaml: expected settings by name"):
        read_run(tmp_path)


def test_finished_run_has_the_figures_of_its_best_checkpoint(make_run: MakeRun) -> None:
    folder = make_run("0", [9.0, 3.0, 5.0])
    assert read_run(folder).figures == json.loads((folder / "metrics.json").read_text())


def test_killed_run_is_interrupted_whatever_it_says(make_run: MakeRun) -> None:
    assert read_run(make_run("0", [1.0], state="running")).state == "interrupted"


def test_run_that_cannot_be_read_is_left_out_and_named(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = make_run("0", [1.0]), make_run("1", [1.0])
    (bad / "status.json").write_text("{")
    assert [run.path for run in find_runs([tmp_path])] == [good]
    assert f"left out: {bad}/status.json: cannot be read" in capsys.readouterr().out
    with pytest.raises(RunError, match=r"1/status\.json: cannot be read"):
        find_runs([bad])


def test_unfinished_run_has_the_figures_of_its_best_validation_yet(make_run: MakeRun) -> None:
    run = read_run(make_run("0", [9.0, 3.0, float("nan"), 5.0], state="running"))
    assert run.figures == {"val/loss": 3.0, "train/loss": 1.5}


def test_best_of_an_unfinished_run_is_the_highest_where_that_is_better(make_run: MakeRun) -> None:
    run = read_run(make_run("0", [9.0, 3.0, 5.0], state="running", mode="max"))
    assert run.figures["val/loss"] == 9.0


def test_curve_over_epochs_starts_at_0_and_counts_the_ended_ones(make_run: MakeRun) -> None:
    run = read_run(make_run("0", [9.0, 3.0, 5.0]))
    assert run.curve("val/loss", "epoch") == [(0, 9.0), (1, 3.0), (2, 5.0)]
    assert run.curve("train/loss", "step") == [(1, 1.5), (2, 2.5)]


def test_steps_and_time_are_those_of_the_files(make_run: MakeRun) -> None:
    run = read_run(make_run("0", [9.0, 3.0, 5.0]))
    assert (run.steps, run.seconds) == (2, 65.0)


def test_time_of_a_run_that_was_resumed_is_not_known(make_run: MakeRun) -> None:
    folder = make_run("0", [9.0, 3.0])
    (folder / "provenance.json").write_text(json.dumps({"resumed": [{}]}))
    assert (read_run(folder).finished, read_run(folder).seconds) == (True, None)


def test_run_that_has_not_started_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 1\n")
    run = read_run(tmp_path)
    assert (run.state, run.figures, run.steps, run.seconds) == ("new", {}, 0, None)
