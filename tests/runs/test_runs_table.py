import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from copied import python
from fixtures import Command

from seedbed.record.directory import RunDirectory, write_json
from seedbed.runs.table import as_text, lines


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four runs by their files alone: two finished, one failed, one killed."""
    now = datetime.now(UTC)

    def run(name: str, state: str, mode: str, values: list[float], hours: float) -> RunDirectory:
        made = RunDirectory.create(tmp_path / name, {"monitor": "val/loss", "mode": mode})
        started = (now - timedelta(hours=hours)).isoformat(timespec="seconds")
        write_json(made.status_file, {"state": state, "started": started})
        write_json(made.provenance_file, {"git": {"commit": "a" * 40, "diff": ""}})
        rows = "".join(f"{10 * step},{value}\n" for step, value in enumerate(values))
        (made.path / "metrics.csv").write_text("step,val/loss\n" + rows)
        return made

    finished = run("exam/b", "finished", "min", [3, 1, 2], 50)
    write_json(finished.metrics_file, {"val/loss": 1.0, "test/loss": 9.0})
    changed = run("exam/a", "finished", "min", [3, 2, 0.5], 0.5)
    write_json(changed.provenance_file, {"git": {"commit": "b" * 40, "diff": "+line"}})
    run("line", "failed", "max", [3, 5, 4, 1], 3)
    run("killed", "running", "min", [], 1 / 6)
    return tmp_path


def test_run_without_a_monitor_shows_no_metric(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path / "run", {"monitor": None})
    [line] = lines(tmp_path)
    assert (line.metric, line.value) == ("–", None)


def test_every_run_below_the_folder_has_a_line(folder: Path) -> None:
    assert [(line.name, line.value, line.steps) for line in lines(folder, sort="name")] == [
        ("exam/a", 0.5, 20),
        ("exam/b", 1.0, 20),
        ("killed", None, 0),
        ("line", 5.0, 30),
    ]


@pytest.mark.parametrize(
    ("limits", "partial"),
    [
        ({"limit_test_batches": 1}, True),
        ({"limit_val_batches": 0.5}, True),
        ({"fast_dev_run": True}, True),
        ({"overfit_batches": 1}, True),
        ({"limit_test_batches": 1.0, "fast_dev_run": False, "overfit_batches": 0.0}, False),
        ({"limit_train_batches": None}, False),
    ],
)
def test_run_of_a_part_of_the_data_is_called_partial(
    limits: dict[str, Any], partial: bool, tmp_path: Path
) -> None:
    RunDirectory.create(tmp_path / "run", {"monitor": "val/loss", "trainer": limits})
    shown = lines(tmp_path)
    assert [line.partial for line in shown] == [partial]
    assert ("new, partial" in as_text(shown)) == partial


def test_running_run_whose_process_is_dead_is_interrupted(folder: Path) -> None:
    assert {line.name: line.state for line in lines(folder)}["killed"] == "interrupted"


def test_running_run_that_is_alive_is_running(folder: Path) -> None:
    with RunDirectory(folder / "killed").claimed():
        assert [line.name for line in lines(folder, state="running")] == ["killed"]


def test_oldest_run_comes_first(folder: Path) -> None:
    assert [line.name for line in lines(folder)] == ["exam/b", "line", "exam/a", "killed"]


def test_best_metric_comes_first_and_none_last(folder: Path) -> None:
    names = [line.name for line in lines(folder, sort="metric")]
    assert names == ["line", "exam/a", "exam/b", "killed"]  # of line, more is better


def test_metric_that_is_not_a_number_comes_last(folder: Path) -> None:
    write_json(RunDirectory(folder / "line").metrics_file, {"val/loss": None})
    names = [line.name for line in lines(folder, sort="metric")]
    assert names[:2] == ["exam/a", "exam/b"]


def test_pruned_run_is_distinguished_from_one_that_was_trained_to_its_end(folder: Path) -> None:
    run = RunDirectory(folder / "exam" / "b")
    run.set_status("finished", pruned=20)
    assert [line.name for line in lines(folder, state="pruned")] == ["exam/b"]
    assert [line.name for line in lines(folder, state="finished")] == ["exam/a"]
    assert [line.name for line in lines(folder, sort="metric")][2] == "exam/b"


def test_only_runs_in_a_state_are_shown(folder: Path) -> None:
    assert {line.name for line in lines(folder, state="finished")} == {"exam/a", "exam/b"}


def test_run_may_be_named_itself(folder: Path) -> None:
    assert [line.name for line in lines(folder / "line")] == ["line"]


@pytest.mark.parametrize(("name", "content"), [("status.json", '{"st'), ("config.yaml", None)])
def test_run_that_cannot_be_read_is_shown_so_and_hides_no_other(
    name: str, content: str | None, seedbed: Command, folder: Path
) -> None:
    file = folder / "line" / name
    file.write_text(content) if content else file.unlink()
    called = seedbed("runs", folder, "--sort", "name")
    assert (called.status, called.err) == (0, "")
    table = called.out.splitlines()
    assert [row.split()[:2] for row in table[1:5]] == [
        ["exam/a", "finished"],
        ["exam/b", "finished"],
        ["killed", "interrupted"],
        ["line", "unreadable"],
    ]
    assert f"{name}: cannot be read" in table[-1]
    found = json.loads(seedbed("runs", folder, "--state", "unreadable", "--json").out)
    assert [line["name"] for line in found] == ["line"]


def test_untracked_files_count_as_changes(folder: Path) -> None:
    git = {"commit": "a" * 40, "diff": "", "untracked": {"net.py": {"sha256": "", "text": ""}}}
    write_json(RunDirectory(folder / "line").provenance_file, {"git": git})
    changed = {line.name: line.changed for line in lines(folder)}
    assert (changed["line"], changed["killed"]) == (True, False)


def test_table_shows_what_was_typed_and_a_generated_name_in_short(folder: Path) -> None:
    run = RunDirectory.create(folder / "2026-01-31_12-00-00-0a1b2c3d", {"optimizer": {"lr": 0.1}})
    words = ["/bin/python", "train.py", "optimizer.lr=0.1", "hydra.run.dir=/somewhere"]
    write_json(run.provenance_file, {"command": words})
    [line] = lines(folder, where=["optimizer.lr=0.1"])
    assert line.name == "2026-01-31_12-00-00-0a1b2c3d"
    assert as_text([line]).splitlines()[1].split()[0] == "0a1b2c3d"
    assert line.typed == "optimizer.lr=0.1"


def test_table_shows_a_run_a_line_in_columns(folder: Path) -> None:
    assert as_text(lines(folder)).splitlines() == [
        "name    state        metric            steps     age  commit    typed",
        "exam/b  finished     val/loss  1.0000     20     2 d  aaaaaaa",
        "line    failed       val/loss  5.0000     30     3 h  aaaaaaa",
        "exam/a  finished     val/loss  0.5000     20  30 min  bbbbbbb+",
        "killed  interrupted  val/loss       –      0  10 min  aaaaaaa",
    ]


def test_run_of_a_clock_that_is_ahead_is_of_the_future(folder: Path) -> None:
    status = {"state": "finished", "started": "2099-01-31T12:00:00+00:00"}
    write_json(RunDirectory(folder / "line").status_file, status)
    shown = as_text(lines(folder / "line")).splitlines()
    assert shown[1].split()[:6] == ["line", "finished", "val/loss", "5.0000", "30", "future"]


def test_command_prints_json(seedbed: Command, folder: Path) -> None:
    called = seedbed("runs", folder, "--state", "failed", "--json")
    assert called.status == 0
    [line] = json.loads(called.out)
    assert (line["name"], line["state"], line["value"]) == ("line", "failed", 5.0)


def test_command_for_an_empty_folder_says_how_runs_are_made(
    seedbed: Command, tmp_path: Path
) -> None:
    called = seedbed("runs", tmp_path)
    assert called.status == 2
    assert "Runs are made by python train.py" in called.err


def test_table_needs_no_torch(folder: Path) -> None:
    code = (
        "import sys; from seedbed.cli.main import main\n"
        "sys.argv = ['seedbed', 'runs', sys.argv[1]]\n"
        "try: main()\n"
        "except SystemExit as left: print(left.code, {'torch', 'lightning'} & {*sys.modules})"
    )
    done = python("-c", code, folder)
    assert done.stdout.splitlines()[-1] == "0 set()"
