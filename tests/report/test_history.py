import json
from pathlib import Path

import pytest
from fixtures import MakeRun
from matplotlib.image import imread

from seedbed.record.run import find_runs
from seedbed.report.comparison import compare
from seedbed.report.history import course, draw_history
from seedbed.report.robustness import draw_robustness, means
from seedbed.report.style import drawing


@pytest.fixture
def search(make_run: MakeRun, tmp_path: Path) -> Path:
    """Three trials of 2, 1 and 2 steps, whose names are not in the order they began; one failed."""
    for name, second, losses in [("b", 1, [9, 4, 3]), ("c", 2, [9, 5]), ("a", 3, [9, 2, 1])]:
        status = make_run(name, losses, optimizer={"lr": losses[-1] / 10}) / "status.json"
        started = {"started": f"2026-01-31T12:00:0{second}+00:00"}
        status.write_text(json.dumps(json.loads(status.read_text()) | started))
    make_run("d", [9, 0], state="failed")
    return tmp_path / "runs"


def test_best_so_far_is_over_the_steps_of_all_trials_in_their_order(search: Path) -> None:
    comparison = compare(find_runs([search]))
    assert course(list(comparison.runs), comparison) == ([2, 3, 5], [3, 5, 1], [3, 3, 1])


@pytest.mark.parametrize(("algorithm", "drawn"), [("tpe", True), ("grid", False)])
def test_history_is_drawn_of_a_search(
    search: Path, tmp_path: Path, algorithm: str, drawn: bool
) -> None:
    record = {"sweep": {"algorithm": algorithm, "pruning": False}}
    (search / "sweep.yaml").write_text(json.dumps(record))
    with drawing():
        assert draw_history(compare(find_runs([search])), tmp_path / "history.png") == drawn
    assert not drawn or imread(tmp_path / "history.png").std() > 0


ROWS = "noise,shift,fgsm,accuracy\n,,,{0}\n0.1,,,{1}\n,,0.2,0.25\n"


def test_accuracies_are_means_over_seeds_from_the_inputs_as_they_are(
    make_run: MakeRun, tmp_path: Path
) -> None:
    for seed, accuracies in enumerate([(1.0, 0.5), (0.5, 0.25)]):
        run = make_run(str(seed), [2, 1], seed=seed)
        (run / "robustness.csv").write_text(ROWS.format(*accuracies))
    rows = [run.robustness for run in find_runs([tmp_path])]
    assert means(rows, "noise") == [(0.0, 0.75), (0.1, 0.375)]
    assert means(rows, "fgsm") == [(0.0, 0.75), (0.2, 0.25)]
    with drawing():
        assert draw_robustness(compare(find_runs([tmp_path])), tmp_path / "robustness.png")
    assert imread(tmp_path / "robustness.png").std() > 0
