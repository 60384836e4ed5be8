from pathlib import Path
from typing import ClassVar

import pytest
import torch
from made import refusal, settings
from shipped import EXPERIMENTS, typed
from torch import nn

from seedbed.config.checks import check
from seedbed.config.dry_run import refusals
from seedbed.errors import SettingError
from seedbed.nets.mlp import MLP

WRONG = {
    "data.points=0": "data.points=0: expected 1 or more.",
    "net.hidden=[0]": "seedbed.nets.mlp.MLP: hidden=[0]: expected a width of 1 or more",
    "task.l1=-1": "seedbed.tasks.regression.RegressionTask: l1=-1: expected 0 or more",
    "optimizer.lr=-1": "torch.optim.SGD: Invalid learning rate: -1",
    "scheduler.warmup=-1": "seedbed.optim.schedules.Constant: warmup=-1: expected 0 or more",
    "callbacks.progress.every=0": "seedbed.callbacks.progress.ProgressLines: every=0: expected 1",
    "callbacks.early_stopping.patience=0": "seedbed.callbacks.stopping.EarlyStopping: patience=0",
    "+trainer.fast_dev_run=-1": "lightning.Trainer: fast_dev_run=-1 is not",
}
"""Overrides of the right type, and how they are refused, in the order of a run's parts."""


def test_every_value_out_of_its_range_is_reported_at_once() -> None:
    lines = refusal("callbacks=early_stopping", *WRONG).splitlines()
    for line, start in zip(lines, WRONG.values(), strict=True):
        assert line.startswith(start)


def test_nothing_is_tried_while_a_type_is_wrong() -> None:
    said = refusal("data.points=0", "optimizer.lr=abc")
    assert said == "optimizer.lr=abc: expected a number, got a text."


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_shipped_experiment_is_tried_without_its_data(
    experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDBED_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    assert [*refusals(settings(*typed(experiment)))] == []
    assert [*tmp_path.iterdir()] == []


def test_trial_leaves_the_random_numbers_alone() -> None:
    config, before = settings("init=normal"), torch.get_rng_state()
    assert [*refusals(config)] == []
    assert torch.equal(torch.get_rng_state(), before)


class Picky(nn.Module):
    sizes: ClassVar[list[int]] = []

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.sizes.append(inputs)
        if inputs < 4:
            raise ValueError(f"expected 4 inputs or more, got {inputs}")
        self.head = nn.Linear(inputs, outputs)


class Computed(nn.Module):
    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__()
        self.rates = torch.linspace(0, 1, 3).tolist()


class Noted(MLP):
    made: ClassVar[list[nn.Module]] = []

    def __init__(self, *, inputs: int, outputs: int, hidden: list[int]) -> None:
        super().__init__(inputs=inputs, outputs=outputs, hidden=hidden)
        self.made.append(self)


@pytest.mark.parametrize("net", ["Picky", "Computed"])
def test_net_that_only_the_data_can_judge_is_left_to_the_build(net: str, own_module: str) -> None:
    assert [*refusals(settings() | {"net": {"_target_": f"{own_module}.{net}"}})] == []


def test_net_is_laid_out_without_memory(own_module: str) -> None:
    net = {"_target_": f"{own_module}.Noted", "hidden": [10000, 10000]}
    assert [*refusals(settings() | {"net": net})] == []
    assert {parameter.device.type for parameter in Noted.made[0].parameters()} == {"meta"}


RANGES = {
    "scheduler=step scheduler.every=0": "seedbed.optim.schedules.Step: every=0: expected more",
    "scheduler=exponential scheduler.every=0.0": "seedbed.optim.schedules.Exponential: every=0",
    "optimizer=muon optimizer.momentum=5": "seedbed.optim.muon.MuonWithAdamW: momentum=5: expected",
    "callbacks=averaging callbacks.averaging.update_every_n_steps=0": (
        "seedbed.callbacks.averaging.Averaging: update_every_n_steps=0: expected 1 or more"
    ),
    "callbacks=averaging callbacks.averaging.decay=1": (
        "seedbed.callbacks.averaging.Averaging: decay=1: expected 0 or more, below 1"
    ),
    "+optimizer.differentiable=true": "torch.optim.SGD: its first step fails: a leaf Variable",
    "experiment=rhymes net.depth=100000000": "net: has ",
    "experiment=rhymes net.depth=100000000 net.width=32": "net: has more than 10,000 layers",
    "experiment=rhymes net=transformer_decoder net.depth=100000000": (
        "seedbed.nets.transformer_decoder.TransformerDecoder: depth=100000000: expected 1 to 1,000"
    ),
}
"""Overrides by which a run would fail, or do nothing, later on, and how they are refused."""


@pytest.mark.parametrize("overrides", RANGES)
def test_value_that_would_fail_or_do_nothing_later_is_refused(overrides: str) -> None:
    [said] = refusal(*overrides.split()).splitlines()
    assert said.startswith(RANGES[overrides])


def test_net_larger_than_the_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedbed.config.dry_run.memory", lambda: 2**30)
    with pytest.raises(SettingError, match=r"^net: has 400,\d+,\d+ weights or more, .* 1 GiB\.$"):
        check(settings("net.hidden=[20000,20000]"))
