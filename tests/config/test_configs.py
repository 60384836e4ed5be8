"""Every shipped configuration, alone and with every option it may be combined with."""

import importlib.util
import inspect
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch.accelerators import CUDAAccelerator
from made import refusal, settings
from shipped import EXPERIMENTS, FILES, options, typed

from seedbed.config.checks import EXTRAS, check
from seedbed.config.targets import resolve, within
from seedbed.errors import SettingError
from seedbed.project import CONF
from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute

CHOICES = ("optimizer", "scheduler", "init", "trainer", "callbacks", "logger")
"""The groups of which any option goes with any experiment."""
NEEDS = {
    "trainer=gpu": (CUDAAccelerator.is_available(), "a GPU"),
    **{
        f"logger={package}": (find_spec(package) is not None, f"the package {package}")
        for package in EXTRAS.values()
    },
}
"""The options that need what a machine may lack: whether it is there, and what it is."""
ELSEWHERE = ("trainer=ddp",)
"""Options that start processes, which takes long; `runs/test_ddp.py` has them."""
OPTIONS = {
    group: [
        option
        for name in options(group)
        if (option := f"{group}={name}") not in (*NEEDS, *ELSEWHERE)
    ]
    for group in CHOICES
}
ROUNDS = [
    [options[number % len(options)] for options in OPTIONS.values()]
    for number in range(max(map(len, OPTIONS.values())))
]
"""Every option at least once: composing is slow, and one call can replace an option a group."""

EACH = 5
"""An experiment takes a step with each fifth of the rounds, the next one with those after them."""

SETTINGS = (
    *("data.batch_size=full", "data.input_noise=0.1", "net.dropout=0.1"),
    *("task.l1=1e-4", "task.l2=1e-4"),
    *("trainer.gradient_clip_val=1", "trainer.accumulate_grad_batches=2"),
)
"""What every study has beside the groups."""

STAND_INS = {
    "language": {
        "_target_": "stubs.data.Rhymes",
        "poems": 60,
        "context": 16,
        "batch_size": 2,
    },
    "multiclass": {"_target_": "stubs.data.Glyphs"},
}
"""By the kind of task: small data in place of what would be downloaded."""


def loaded(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def nodes(content: Any, kind: str | None) -> Iterator[tuple[dict[str, Any], str]]:
    """Every part of a file that calls a constructor, and the kind of its place."""
    if isinstance(content, dict):
        if "_target_" in content and kind:
            yield content, kind
        for key, value in content.items():
            yield from nodes(value, within(kind, key, None) or kind)


def name(path: Path) -> str:
    return str(path.relative_to(CONF))


def one_step(config: dict[str, Any]) -> dict[str, Any]:
    """The same study cut to one step with validation and test, on data that needs no network."""
    data = config["data"]
    target = resolve(data["_target_"], "data")
    if "data_dir" in inspect.signature(target).parameters:
        data = STAND_INS[target.kind]
    config |= {"data": data, "compile": False}
    if "depth" in config["net"]:
        config["net"]["depth"] = 1
    few = {"limit_val_batches": 2, "limit_test_batches": 2}
    config["trainer"] = (
        few
        | config["trainer"]
        | {
            "max_epochs": 1,
            "max_steps": 1,
            "check_val_every_n_epoch": None,
            "val_check_interval": 1,
        }
    )
    for callback in config["callbacks"].values():
        if "length" in callback:
            callback["length"] = 2
    return config


def executed(folder: Path, config: dict[str, Any]) -> RunDirectory:
    run = RunDirectory.create(folder, one_step(config))
    execute(run.path)
    return run


@pytest.mark.parametrize("path", FILES, ids=name)
def test_file_opens_with_a_comment_that_says_what_it_is(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if not line.startswith("# @"))
    assert first.startswith("# ")
    assert len(first.split()) >= 3


@pytest.mark.parametrize("path", FILES, ids=name)
def test_keys_are_their_constructors_arguments(path: Path) -> None:
    for node, kind in nodes(loaded(path), path.relative_to(CONF).parts[0]):
        parameters = inspect.signature(resolve(node["_target_"], kind)).parameters
        named = {n for n, p in parameters.items() if p.kind is not p.VAR_KEYWORD}
        assert set(node) - {"_target_", "_partial_"} <= named


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_only_selects_the_options_that_can_be_replaced(experiment: str) -> None:
    content = loaded(CONF / "experiment" / f"{experiment}.yaml")
    assert not set(content) & set(CHOICES)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_passes_the_check_with_what_this_machine_may_lack(
    experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CUDAAccelerator, "is_available", lambda: True)
    monkeypatch.setattr(
        "seedbed.config.dry_run.build_trainer", lambda *_, **__: None
    )  # it looks itself
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: name if name in EXTRAS.values() else real(name, *rest),
    )
    lacking = ["trainer=gpu", f"logger=[{','.join(EXTRAS.values())}]"]
    check(settings(*typed(experiment), *lacking))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_passes_the_check_with_two_processes(experiment: str) -> None:
    config = settings(*typed(experiment), "trainer=ddp", "trainer.accelerator=cpu")
    if config["data"]["batch_size"] == 1:
        with pytest.raises(SettingError, match="2 processes share it; expected 2 or more"):
            check(config)
    else:
        check(config)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_takes_a_step_and_validates_and_tests(experiment: str, tmp_path: Path) -> None:
    run = executed(tmp_path, settings(*typed(experiment)))
    assert torch.load(run.last, weights_only=True)["global_step"] == 1
    assert {"train/loss", "val/loss", "test/loss"} <= set(run.metrics())


@pytest.mark.parametrize("options", ROUNDS, ids=" ".join)
def test_dots_take_a_step_with_every_option(options: list[str], tmp_path: Path) -> None:
    run = executed(tmp_path, settings("experiment=dots", *options))
    assert torch.load(run.last, weights_only=True)["global_step"] == 1


@pytest.mark.parametrize("option", NEEDS)
def test_dots_take_a_step_with_an_option_that_needs_more(option: str, tmp_path: Path) -> None:
    there, needed = NEEDS[option]
    if not there:
        pytest.skip(f"{option} needs {needed}")
    run = executed(tmp_path, settings("experiment=dots", option))
    assert torch.load(run.last, weights_only=True)["global_step"] == 1


@pytest.mark.parametrize("package", EXTRAS.values())
def test_logger_whose_package_is_missing_names_the_extra(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert refusal(f"logger={package}").endswith(
        f"the package {package} is not installed; pip install --editable '.[{package}]'"
    )


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_passes_the_check_with_every_option(experiment: str) -> None:
    for chosen in ROUNDS:
        check(settings(*typed(experiment), *chosen))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("experiment", "options"),
    [
        pytest.param(experiment, options, id=" ".join([experiment, *options]))
        for number, experiment in enumerate(EXPERIMENTS)
        for options in ROUNDS[number % EACH :: EACH]
    ],
)
def test_every_option_takes_a_step_with_experiments_in_turn(
    experiment: str, options: list[str], tmp_path: Path
) -> None:
    run = executed(tmp_path, settings(*typed(experiment), *options))
    assert torch.load(run.last, weights_only=True)["global_step"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_experiment_takes_a_step_with_every_setting_that_is_any_studys(
    experiment: str, tmp_path: Path
) -> None:
    config = one_step(settings(*typed(experiment), *SETTINGS))
    config["data"] |= {"batch_size": "full", "input_noise": 0.1}  # of a stand-in, too
    run = RunDirectory.create(tmp_path, config)
    execute(run.path)
    assert torch.load(run.last, weights_only=True)["global_step"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "momentum", "muon"])
def test_gradients_are_clipped_in_mixed_precision_whatever_the_optimizer(
    optimizer: str, tmp_path: Path
) -> None:
    mixed = ("trainer.precision=bf16-mixed", "trainer.gradient_clip_val=1e-9")
    config = one_step(settings("experiment=dots", f"optimizer={optimizer}", *mixed))
    run = RunDirectory.create(tmp_path, config)
    execute(run.path)
    states = torch.load(run.last, weights_only=True)["optimizer_states"][0]["state"].values()
    moments = ("exp_avg", "momentum_buffer")
    momenta = [state[name] for state in states for name in moments if name in state]
    assert len(momenta) == 4  # of two layers' weights and biases
    assert all(moment.abs().max() <= 1e-9 for moment in momenta)
