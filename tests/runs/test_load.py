import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from copied import python
from made import copy_of, settings

import seedbed
from seedbed.errors import RunError, SettingError
from seedbed.record.directory import RunDirectory
from seedbed.runs.load import load


@pytest.fixture
def copy(exam: RunDirectory, tmp_path: Path) -> RunDirectory:
    """The run, moved elsewhere."""
    return copy_of(exam, tmp_path / "elsewhere")


def reconfigured(run: RunDirectory, change: Callable[[dict[str, Any]], object]) -> RunDirectory:
    config = run.config()
    change(config)
    run.config_file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return run


def test_run_is_opened_with_its_settings_data_net_and_metrics(exam: RunDirectory) -> None:
    run = seedbed.load(exam.path)
    assert run.config == exam.config()
    assert run.metrics == exam.metrics()
    assert not run.net.training
    inputs, targets = run.datamodule.splits.test
    with torch.no_grad():
        right = (run.net(inputs) > 0) == (targets > 0)
    assert float(right.float().mean()) == pytest.approx(exam.metrics()["test/accuracy"])


def test_last_checkpoint_is_opened_with_its_own_metrics(line: RunDirectory) -> None:
    best, last = load(line.path), load(line.path, "last")
    assert last.metrics["val/loss"] > best.metrics["val/loss"]
    assert not any(name.startswith("test/") for name in last.metrics)
    assert not torch.equal(last.net.head.weight, best.net.head.weight)


def test_checkpoint_may_be_named_by_its_path(exam: RunDirectory, tmp_path: Path) -> None:
    shutil.copy(exam.last, tmp_path / "kept.ckpt")
    named, last = load(exam.path, tmp_path / "kept.ckpt"), load(exam.path, "last")
    assert named.metrics == last.metrics
    assert torch.equal(named.net.head.weight, last.net.head.weight)


def test_moved_run_opens_without_its_data(
    table: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(table.path, moved)
    monkeypatch.setattr("seedbed.data.table.read_table", None)
    run = load(moved)
    assert run.metrics == table.metrics()
    assert run.datamodule.sizes == {"inputs": 2, "outputs": 1}
    # The mean of y in the file; zeros are inputs at the training part's means.
    mean, deviation = run.datamodule.state_dict()["target_scale"]
    predicted = mean + deviation * run.net(torch.zeros(1, 2)).item()
    assert predicted == pytest.approx(7, abs=0.5)


def test_opening_a_run_imports_no_torch_before_it_is_asked_to() -> None:
    code = "import seedbed, sys; seedbed.load; print('torch' in sys.modules)"
    assert python("-c", code).stdout == "False\n"


def test_net_that_was_compiled_opens_with_the_same_keys(exam: RunDirectory, tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", exam.config() | {"compile": True})
    run.checkpoints.mkdir()
    shutil.copy(exam.best, run.best)
    assert torch.equal(load(run.path).net.head.weight, load(exam.path).net.head.weight)


# --- a stranger's run -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["os.system", "torch.hub.load", "${oc.env:TARGET}", "torch.save"]
)
@pytest.mark.parametrize(
    "nest",
    [
        lambda node: {"net": node},
        lambda node: {"logger": {"csv": {"of": [[{"deep": node}]]}}},
        lambda node: {"anything": node},
    ],
    ids=["group", "nested list", "unread"],
)
def test_target_that_is_not_allowed_is_refused_before_anything_is_imported(
    target: str,
    nest: Callable[[Any], dict[str, Any]],
    copy: RunDirectory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def imported(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setenv("TARGET", "os.system")
    monkeypatch.setattr("importlib.import_module", imported)
    reconfigured(copy, lambda config: config.update(nest({"_target_": target})))
    with pytest.raises(SettingError, match="may not be constructed here"):
        load(copy.path)


def test_checkpoint_with_a_pickled_object_is_refused(copy: RunDirectory) -> None:
    state = torch.load(copy.best, weights_only=True)
    torch.save(state | {"more": Path("code")}, copy.best)
    with pytest.raises(RunError, match=r"holds pickled objects .*Path"):
        load(copy.path)


def test_data_is_fetched_to_the_users_own_folder_whatever_a_run_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seedbed.config.build import build_data

    monkeypatch.setenv("SEEDBED_DATA_DIR", str(tmp_path / "own"))
    config = settings("data=text", "data.path=x", "task=language", "net=gpt")
    config["data"]["data_dir"] = str(tmp_path / "elsewhere")
    assert build_data(config).data_dir == tmp_path / "own"


@pytest.mark.parametrize("name", ["../../elsewhere", "/elsewhere", "a::memory://elsewhere"])
def test_logger_cannot_leave_the_runs_directory(name: str, tmp_path: Path) -> None:
    from seedbed.config.build import build

    config = settings()
    config["logger"]["tensorboard"]["version"] = name
    with pytest.raises(SettingError, match="expected a place in the run's directory"):
        build(config, tmp_path)


# --- what is not there, or does not fit -----------------------------------------------------------


@pytest.mark.parametrize("which", ["best", "last"])
def test_run_without_a_checkpoint_says_when_there_will_be_one(
    which: str, exam: RunDirectory, tmp_path: Path
) -> None:
    run = RunDirectory.create(tmp_path, exam.config())
    with pytest.raises(RunError, match=f"has no {which} checkpoint yet"):
        load(run.path, which)
    run.set_status("failed")
    with pytest.raises(RunError, match=rf"has no {which} checkpoint\.$"):
        load(run.path, which)


def test_checkpoint_of_another_name_is_refused(exam: RunDirectory) -> None:
    with pytest.raises(RunError, match="bset: no such checkpoint; give best, last, or the path"):
        load(exam.path, "bset")


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config["net"].update(hidden=[3]),
        lambda config: config["net"].update(widht=3),
        lambda config: config.update(
            data={"_target_": "stubs.data.Glyphs"},
        ),
        lambda config: config.pop("task"),
        lambda config: config.update(net="mlp"),
    ],
    ids=["other shape", "unknown setting", "other data", "no task", "no node"],
)
def test_configuration_that_does_not_fit_the_checkpoint_is_refused(
    change: Callable[[dict[str, Any]], object], copy: RunDirectory
) -> None:
    refusal = (
        r"best\.ckpt: (does not fit .*config\.yaml|.*\n.*\n.*\nIt is of another configuration)"
    )
    with pytest.raises(RunError, match=refusal):
        load(reconfigured(copy, change).path)
