import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
from fixtures import Command
from made import copy_of, executed

from seedbed.errors import DataError, RunError
from seedbed.record.directory import RunDirectory, write_json
from seedbed.runs import evaluate as module
from seedbed.runs.evaluate import evaluate
from seedbed.runs.execute import execute

every_kind = pytest.mark.parametrize("kind", ["poems", "exam", "digits", "line", "table"])


def recorded(run: RunDirectory, part: str) -> dict[str, float]:
    return {name: v for name, v in run.metrics().items() if part in name.split("/")}


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@every_kind
def test_last_checkpoints_metrics_are_those_of_the_last_row(
    kind: str, request: pytest.FixtureRequest
) -> None:
    run: RunDirectory = request.getfixturevalue(kind)
    with (run.path / "metrics.csv").open(newline="") as file:
        last = [row for row in csv.DictReader(file) if row["val/loss"]][-1]
    found = evaluate(run.path, checkpoint="last")
    assert {name: str(value) for name, value in found.items()} == {
        name: last[name] for name in found
    }


@pytest.mark.parametrize("recorded", [2, 1_000_000])
def test_threads_are_the_runs_but_no_more_than_cores_and_afterwards_as_before(
    recorded: int,
    exam: RunDirectory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = copy_of(exam, tmp_path / "run")
    write_json(run.provenance_file, run.provenance() | {"threads": recorded})
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    seen = []
    build = module.trainer_here

    def noted(*args: object, **given: object) -> object:
        seen.append(torch.get_num_threads())
        return build(*args, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "trainer_here", noted)
    before = torch.get_num_threads()
    evaluate(run.path)
    assert (seen, torch.get_num_threads()) == ([2], before)
    said = "2 threads instead of 1000000" in capsys.readouterr().out
    assert said == (recorded > 2)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize(
    "settings",
    [
        ["experiment=marks", "max_epochs=2"],
        ["experiment=glyphs", "max_epochs=1"],
        [
            *("experiment=rhymes", "data.poems=100", "data.context=16"),
            *("data.batch_size=4", "net.depth=1", "max_steps=4", "val_check_interval=4"),
            "callbacks.samples=null",
        ],
    ],
    ids=["exam", "digits", "poems"],
)
def test_compiled_run_is_evaluated_compiled_to_its_own_metrics(
    settings: list[str], tmp_path: Path
) -> None:
    run, other = (
        executed(tmp_path / flag, *settings, f"compile={flag}") for flag in ("true", "false")
    )
    for split in ("val", "test"):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        assert evaluate(run.path, split=split) == recorded(run, split)
        graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        assert graphs > 0 or "experiment=rhymes" in settings  # compiled in training alone
    keys = [[*torch.load(each.best, weights_only=True)["state_dict"]] for each in (run, other)]
    assert keys[0] == keys[1]


def test_nothing_is_written(exam: RunDirectory) -> None:
    before = files(exam.path)
    evaluate(exam.path, split="test")
    assert files(exam.path) == before


@pytest.fixture
def untested(tmp_path: Path) -> RunDirectory:
    """A run that left its test part sealed."""
    settings = ("max_epochs=2", "data.held_out=50", "logger=csv", "test=false")
    return executed(tmp_path / "untested", *settings)


def test_first_look_at_the_test_part_is_recorded_once_and_kept(untested: RunDirectory) -> None:
    assert not recorded(untested, "test")
    found = evaluate(untested.path, split="test")
    assert found == recorded(untested, "test")
    evaluate(untested.path, split="test")
    [opening] = untested.provenance()["test_opened"]
    assert (opening["checkpoint"], opening["step"], opening["by"]) == ("best.ckpt", 2, "evaluate")


def test_tested_later_is_as_if_tested_at_the_end(untested: RunDirectory, tmp_path: Path) -> None:
    again = RunDirectory.create(tmp_path / "tested", untested.config() | {"test": True})
    assert execute(again.path) == untested.metrics() | evaluate(untested.path, split="test")
    [opening] = again.provenance()["test_opened"]
    assert opening["by"] == "fit"
    for name in ("test_rows.csv", "predictions.csv"):
        assert (untested.path / name).read_text() == (again.path / name).read_text()


def test_each_checkpoint_that_is_tested_counts(untested: RunDirectory) -> None:
    shutil.copy(untested.last, untested.path / "other.ckpt")
    evaluate(untested.path, split="test")
    evaluate(untested.path, split="test", checkpoint=untested.path / "other.ckpt")
    assert len(untested.provenance()["test_opened"]) == 2


@pytest.fixture
def own(table: RunDirectory, tmp_path: Path) -> RunDirectory:
    """The run, with a data file of its own."""
    run = copy_of(table, tmp_path / "run")
    config = run.config()
    config["data"]["path"] = str(shutil.copy(config["data"]["path"], tmp_path / "own.csv"))
    run.set_config(config)
    return run


def test_data_that_is_gone_is_named_with_what_does_without(own: RunDirectory) -> None:
    Path(own.config()["data"]["path"]).unlink()
    with pytest.raises(DataError, match=r"own\.csv: cannot be read [^$]* predict, generate and"):
        evaluate(own.path)


def test_data_that_was_changed_is_refused(own: RunDirectory) -> None:
    path = Path(own.config()["data"]["path"])
    path.write_text(path.read_text().replace("0,0,0\n", "0,0,9\n"))
    with pytest.raises(DataError, match="The data was changed since the run: sha256 was"):
        evaluate(own.path)


def test_data_without_a_test_part_has_no_test(
    exam: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stubs.data.Marks.test_dataloader", lambda _: [])
    with pytest.raises(RunError, match="its data has no test part; take --split val"):
        evaluate(exam.path, split="test")


def test_command_prints_every_metric_and_says_what_it_is_of(
    seedbed: Command, exam: RunDirectory
) -> None:
    called = seedbed("evaluate", exam.path, "--split", "test")
    step = exam.metrics()["step"]
    said = f"best.ckpt, step {step:,.0f}, test part\n"
    assert (called.status, called.err) == (0, said)
    *lines, method = called.out.splitlines()
    names = [line.split()[0] for line in lines]
    assert names == sorted(name for name in exam.metrics() if name.startswith("test/"))
    assert method.startswith("in brackets: 95 %")


def test_command_prints_json(seedbed: Command, exam: RunDirectory) -> None:
    assert json.loads(seedbed("evaluate", exam.path, "--json").out) == recorded(exam, "val")


def test_command_explains_and_ends_with_2(seedbed: Command, tmp_path: Path) -> None:
    called = seedbed("evaluate", tmp_path)
    assert (called.status, called.out) == (2, "")
    assert called.err == f"{tmp_path} is not a run: it has no config.yaml.\n"
