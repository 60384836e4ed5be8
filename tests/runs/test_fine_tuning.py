"""`freeze`, `lr_scale` and `weights_skip`: a new fit that keeps some of another run's weights."""

import csv
from pathlib import Path

import made
import pytest
import torch
from made import refusal
from torch import Tensor, nn

from seedbed.errors import RunError, SettingError
from seedbed.optim.groups import freeze, parameter_groups
from seedbed.record.directory import RunDirectory

TINY = ["data.held_out=20", "logger=csv", "max_epochs=2", "net.hidden=[4,4]"]


def executed(folder: Path, *overrides: str) -> RunDirectory:
    return made.executed(folder, *TINY, *overrides)


def weights(run: RunDirectory) -> dict[str, Tensor]:
    return {name.removeprefix("net."): w for name, w in made.weights_of(run.last).items()}


def changed(one: RunDirectory, other: RunDirectory) -> set[str]:
    before, after = weights(one), weights(other)
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return executed(tmp_path_factory.mktemp("source") / "run", "seed=7")


def test_frozen_parameters_stay_as_they_were_and_the_others_learn(
    source: RunDirectory, tmp_path: Path
) -> None:
    names = {*weights(source)}
    run = executed(tmp_path / "run", f"weights={source.last}", "freeze=[body.0]", "task.l2=0.1")
    assert changed(source, run) == names - {"body.0.weight", "body.0.bias"}
    run = executed(tmp_path / "biases", f"weights={source.last}", "freeze=[*.weight]")
    assert changed(source, run) == {name for name in names if name.endswith("bias")}


def test_scaled_rates_have_groups_and_curves_of_their_own(tmp_path: Path) -> None:
    scaled = "lr_scale={*: 0.5, body.0: 0.1}"
    run = executed(tmp_path / "run", scaled, "optimizer.lr=0.01", "scheduler=step")
    groups = torch.load(run.last, weights_only=True)["optimizer_states"][0]["param_groups"]
    assert {(group["name"], group["initial_lr"]) for group in groups} == {
        ("matrix_x0.5", 0.005),
        ("vector_x0.5", 0.005),
        ("head_x0.5", 0.005),
        ("matrix_x0.1", 0.001),
        ("vector_x0.1", 0.001),
    }
    with (run.path / "metrics.csv").open(newline="") as file:
        assert "learning_rate/matrix_x0.1" in next(csv.reader(file))


def test_group_of_a_scaled_rate_moves_by_it(tmp_path: Path) -> None:
    still = ["max_epochs=1", "optimizer.lr=0.001"]
    start = executed(tmp_path / "start", "max_epochs=1", "optimizer.lr=0.0")
    whole = executed(tmp_path / "whole", *still)
    half = executed(tmp_path / "half", *still, "lr_scale={*: 0.5}")
    for name, weight in weights(start).items():
        step, shorter = weights(whole)[name] - weight, weights(half)[name] - weight
        torch.testing.assert_close(shorter, step / 2, rtol=1e-3, atol=1e-6)


def test_batch_norm_that_is_frozen_keeps_its_means() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.BatchNorm1d(3))
    freeze(net, ["1"])
    net(torch.randn(8, 3))
    assert [net[1].training, net[2].training] == [False, True]
    assert net[1].running_mean.eq(0).all()
    assert not net[2].running_mean.eq(0).all()
    trained = {id(p) for group in parameter_groups(net) for p in group["params"]}
    assert trained == {id(p) for p in (*net[0].parameters(), *net[2].parameters())}


def test_frozen_batch_norm_stays_as_it_was_through_a_fit(own_module: str, tmp_path: Path) -> None:
    settings = ["net=linear", f"net._target_={own_module}.Normed", "data.batch_size=10"]
    tiny = [one for one in TINY if not one.startswith("net")]
    run = made.executed(tmp_path / "run", *tiny, *settings, "freeze=[norm]")
    state = weights(run)
    assert state["norm.running_mean"].eq(0).all()
    assert state["norm.num_batches_tracked"] == 0
    assert state["norm.weight"].eq(1).all()


class Normed(nn.Module):
    """A net of one's own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(inputs)
        self.head = nn.Linear(inputs, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.head(self.norm(inputs))
        return outputs


def test_skipped_weights_begin_anew_and_the_rest_is_taken_over(
    source: RunDirectory, tmp_path: Path
) -> None:
    still = ["optimizer.lr=0.0", "max_epochs=1", "seed=3"]
    taken = executed(tmp_path / "taken", *still, f"weights={source.last}", "weights_skip=[head]")
    assert changed(source, taken) == {"head.weight", "head.bias"}


def test_head_of_another_size_is_named_and_may_be_skipped(tmp_path: Path) -> None:
    old = executed(tmp_path / "old", "net.hidden=[4]")
    wider = ["net.hidden=[4,6]", f"weights={old.path}", "freeze=[body.0]"]
    with pytest.raises(RunError, match=r"head.weight: expected \[1, 6\], got \[1, 4\]"):
        executed(tmp_path / "refused", *wider)
    run = executed(tmp_path / "run", *wider, "weights_skip=[body.2,head]")
    best = torch.load(old.best, weights_only=True)["state_dict"]
    assert torch.equal(weights(run)["body.0.weight"], best["net.body.0.weight"])


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("freeze=[bdy.0]", "freeze: bdy.0 is the name of no parameter; did you mean"),
        ("lr_scale={heads:0.1}", "lr_scale: heads is the name of no parameter"),
        ("freeze=[*]", "freeze: no parameter is left to train"),
        ("lr_scale={*:0}", "expected above 0"),
        ("lr_scale={*:x}", "expected settings by name or null"),
        ("freeze=3", "expected a list"),
        ("weights_skip=[head]", "weights_skip: goes with weights=RUN"),
    ],
)
def test_fine_tuning_of_what_is_not_there_is_refused_before_the_fit(
    overrides: str, expected: str
) -> None:
    assert expected in refusal(*TINY, *overrides.split(" "))


def test_skipped_name_of_no_parameter_is_refused(source: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="weights_skip: bdy is the name of no parameter"):
        executed(tmp_path / "run", f"weights={source.path}", "weights_skip=[bdy]")


def test_rates_that_a_schedule_sets_itself_are_not_scaled(tmp_path: Path) -> None:
    cycle = ["scheduler._target_=torch.optim.lr_scheduler.OneCycleLR", "scheduler.max_lr=0.01"]
    with pytest.raises(SettingError, match="lr_scale would have no effect"):
        executed(tmp_path / "run", *cycle, "scheduler.cycle_momentum=false", "lr_scale={*: 0.5}")
