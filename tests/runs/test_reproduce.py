import json
from pathlib import Path

import pytest
from fixtures import Command
from made import copy_of

from seedbed.errors import DataError, RunError
from seedbed.record.directory import RunDirectory, write_json
from seedbed.runs import reproduce as module
from seedbed.runs.reproduce import reproduce


@pytest.fixture
def moved(line: RunDirectory, tmp_path: Path) -> RunDirectory:
    return copy_of(line, tmp_path / "moved")


def altered(run: RunDirectory) -> RunDirectory:
    """As if it had been trained elsewhere: other metrics, other versions."""
    write_json(run.metrics_file, run.metrics() | {"test/loss": 0.5})
    versions = run.provenance()["versions"] | {"torch": "1.0"}
    write_json(run.provenance_file, run.provenance() | {"versions": versions})
    return run


def test_metrics_are_identical_on_the_same_machine(
    moved: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.config.compose.CONF", tmp_path / "none")
    found = reproduce(moved.path)
    assert found.identical
    assert found.again == moved.path / "reproduced"
    assert found.metrics == moved.metrics() == RunDirectory(found.again).metrics()


def test_differences_are_listed_with_what_else_differs(moved: RunDirectory, tmp_path: Path) -> None:
    found = reproduce(altered(moved).path, tmp_path / "again")
    assert not found.identical
    assert found.differences == {"test/loss": (0.5, found.metrics["test/loss"])}
    assert found.causes["versions.torch"][0] == "1.0"


def test_run_that_has_not_finished_cannot_be_compared(moved: RunDirectory) -> None:
    moved.metrics_file.unlink()
    with pytest.raises(RunError, match=r"has no metrics\.json to compare with"):
        reproduce(moved.path)
    assert not (moved.path / "reproduced").exists()


def test_directory_that_holds_a_run_is_left_alone(moved: RunDirectory, line: RunDirectory) -> None:
    with pytest.raises(RunError, match="holds a run already; name another directory with --into"):
        reproduce(moved.path, line.path)


def test_data_that_is_gone_is_named(table: RunDirectory, tmp_path: Path) -> None:
    run = copy_of(table, tmp_path / "run")
    config = run.config()
    config["data"]["path"] = str(tmp_path / "gone.csv")
    run.set_config(config)
    with pytest.raises(DataError, match=r"gone\.csv: cannot be read"):
        reproduce(run.path)


def test_command_says_that_all_is_identical(seedbed: Command, moved: RunDirectory) -> None:
    called = seedbed("reproduce", moved.path)
    assert called.status == 0
    assert called.out.splitlines()[-1].startswith("identical: all ")


def test_command_lists_differences_and_ends_with_1(seedbed: Command, moved: RunDirectory) -> None:
    called = seedbed("reproduce", altered(moved).path)
    assert called.status == 1
    assert "not identical: 1 of " in called.out
    assert "    test/loss: 0.5 → " in called.out
    assert "    versions.torch: 1.0 → " in called.out


def test_command_prints_json_alone(seedbed: Command, moved: RunDirectory) -> None:
    called = seedbed("reproduce", altered(moved).path, "--json")
    found = json.loads(called.out)
    assert (found["identical"], [*found["differences"]]) == (False, ["test/loss"])
    assert "experiment  dots" in called.err


def test_pruned_job_is_nothing_to_compare_with(moved: RunDirectory) -> None:
    moved.set_status("finished", pruned=3)
    with pytest.raises(RunError, match="was pruned by its sweep"):
        reproduce(moved.path)


def test_other_weights_at_the_start_are_a_cause(moved: RunDirectory) -> None:
    weights = {"path": "best.ckpt", "sha256": "0"}
    write_json(moved.provenance_file, moved.provenance() | {"weights": weights})
    write_json(moved.metrics_file, moved.metrics() | {"test/loss": 0.5})
    assert reproduce(moved.path).causes["weights.sha256"] == ("0", None)


def test_logger_takes_the_repetition_for_another_run(
    moved: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = moved.config()
    config["logger"] |= {"wandb": {"_target_": "a.Logger", "id": "first"}, "mlflow": None}
    moved.set_config(config)
    monkeypatch.setattr(module, "check", lambda config: None)
    monkeypatch.setattr(module, "execute", lambda path, checked: moved.metrics())
    loggers = RunDirectory(reproduce(moved.path).again).config()["logger"]
    assert loggers.pop("wandb")["id"] not in ("first", "")
    assert loggers == {name: node for name, node in config["logger"].items() if name != "wandb"}
