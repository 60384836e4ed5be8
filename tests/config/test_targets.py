"""What a configuration may construct, and what no configuration can reach."""

import inspect
from typing import Any

import pytest
import torch
from reach import reachable
from torch import nn

from seedbed.config.checks import check
from seedbed.config.compose import composed, plain
from seedbed.config.targets import (
    named_targets,
    refused_targets,
    resolve,
)
from seedbed.errors import SettingError


@pytest.mark.parametrize(
    ("kind", "some", "none"),
    [
        ("optimizer", "torch.optim.NAdam", "torch.optim.Optimizer.step"),
        ("optimizer", "pytorch_optimizer.Lion", "pytorch_optimizer.load_optimizer"),
        ("scheduler", "torch.optim.lr_scheduler.StepLR", "torch.optim.Adam"),
        ("loss", "torch.nn.HuberLoss", "torch.nn.Linear"),
        ("metric", "torchmetrics.MatthewsCorrCoef", "torchmetrics.MetricCollection"),
        ("callbacks", "lightning.pytorch.callbacks.Timer", "lightning.Trainer"),
        ("init", "seedbed.optim.initialisers.normal", "seedbed.files.place_text"),
        ("net", "seedbed.nets.mlp.MLP", "seedbed.files.place_text"),
        ("data", "seedbed.data.table.Table", "seedbed.data.base.DataModule"),
        ("data", "stubs.data.Dots", "torch.hub.load"),
        ("part", "torch.nn.GELU", "torch.nn.Module.to"),
        ("part", "torch.optim.Adam", "lightning.Trainer"),
        ("part", "seedbed.nets.mlp.MLP", "seedbed.files.place_text"),
        ("callbacks", "seedbed.callbacks.samples.TextSamples", "seedbed.nets.mlp.MLP"),
    ],
)
def test_place_takes_what_is_of_its_kind_and_nothing_else(kind: str, some: str, none: str) -> None:
    assert resolve(some, kind).__name__ == some.rpartition(".")[2]
    with pytest.raises(SettingError, match="may not be constructed here"):
        resolve(none, kind)


@pytest.mark.parametrize(
    "target",
    [
        "seedbed.__main__.main",
        "seedbed.config.build.Trainer",
        "seedbed.nets.mlp.nn.Linear",
        "seedbed..nets.mlp.MLP",
        "seedbed.nets.nowhere.Net",
        "seedbed.nets.mlp.Nothing",
        "seedbed",
        "",
    ],
)
@pytest.mark.parametrize("kind", ["net", "trainer"])
def test_name_that_leads_out_of_its_own_package_or_nowhere_is_refused(
    target: str, kind: str
) -> None:
    with pytest.raises(SettingError, match="_target_"):
        resolve(target, kind)


def test_node_is_refused_where_only_a_plain_value_is_expected() -> None:
    nodes = {"trainer": {"_target_": "lightning.Trainer", "plugins": [{"_target_": "evil.Plugin"}]}}
    assert [*named_targets(nodes)] == [("lightning.Trainer", "trainer"), ("evil.Plugin", None)]
    [problem] = refused_targets(nodes)
    assert problem == "_target_: evil.Plugin may not be constructed here: expected a plain value."


def test_functions_of_the_frame_that_can_be_reached_are_initialisers_alone() -> None:
    modules = {
        (name.rpartition(".")[0], kind)
        for kind, name, found in reachable()
        if inspect.isfunction(found) and name.startswith("seedbed.")
    }
    assert modules == {("seedbed.optim.initialisers", "init")}


class Own(nn.Module):
    """A net of a project's own package."""


class Other(type("Module", (), {"__module__": "pytorch_lightning.core"})):  # type: ignore[misc]
    """A module of the other package of Lightning."""


def read(path: str, name: str) -> torch.Tensor:
    raise AssertionError(path, name)


def loss(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (predictions - targets).abs().mean()


def test_class_and_loss_function_of_the_projects_own_package_are_allowed(own_module: str) -> None:
    assert resolve(f"{own_module}.Own", "net") is Own
    assert resolve(f"{own_module}.loss", "loss") is loss
    with pytest.raises(SettingError, match="may not be constructed here"):
        resolve(f"{own_module}.loss", "net")


def test_module_of_the_other_package_of_lightning_is_refused_with_what_to_import(
    own_module: str,
) -> None:
    with pytest.raises(SettingError, match=r"import lightning\.pytorch in its place"):
        resolve(f"{own_module}.Other", "task")


@pytest.mark.parametrize("kind", ["loss", "metric"])
def test_function_is_a_loss_or_a_metric_only_where_it_is_one_of_two_tensors(
    kind: str, own_module: str
) -> None:
    with pytest.raises(SettingError, match=r"function of two \(predictions and targets\)"):
        resolve(f"{own_module}.read", kind)
    with pytest.raises(SettingError, match="may not be constructed here"):
        resolve("stubs.data.drawn_poem", kind)


METRIC = {"_target_": "MeanSquaredError", "_partial_": True}
PROFILER = "lightning.pytorch.profilers.AdvancedProfiler"
BAR = "lightning.pytorch.callbacks.RichProgressBar"
CYCLIC = {"_target_": "torch.optim.lr_scheduler.CyclicLR", "base_lr": 1.0, "max_lr": 1.0}


@pytest.mark.parametrize(
    ("group", "node"),
    [
        ("metrics", METRIC | {"dist_sync_fn": "os.system"}),
        ("metrics", METRIC | {"kwargs": {"dist_sync_fn": "os.system"}}),
        ("scheduler", CYCLIC | {"_partial_": True, "scale_fn": "os.system"}),
        ("optimizer", {"_target_": "pytorch_optimizer.Lion", "_partial_": True, "kwargs": {}}),
        ("trainer", {"_target_": "lightning.Trainer", "model_registry": "anyone/model"}),
        ("profiler", {"_target_": PROFILER, "dump_stats": True}),
        ("callbacks", {"_target_": BAR, "console_kwargs": {"file": "anywhere"}}),
    ],
)
def test_code_and_open_arguments_are_no_settings_of_a_librarys_class(
    group: str, node: dict[str, Any]
) -> None:
    config = plain(composed([]))
    if group == "metrics":
        config["task"]["metrics"] = {"x": node}
    elif group == "callbacks":
        config[group]["x"] = node
    elif group == "profiler":
        config["trainer"][group] = node
    else:
        config[group] = node
    with pytest.raises(SettingError, match=r"no such setting|leads to files"):
        check(config)
