"""The optimizers and schedules of libraries: which work by an override, and why others do not."""

import copy
import inspect
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import made
import pytest
import pytorch_optimizer
import torch
from made import values_of
from torch import nn
from torch.optim import SGD, Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from seedbed.config.build import build_optimizer, build_scheduler
from seedbed.config.checks import check
from seedbed.errors import SettingError
from seedbed.record.directory import RunDirectory
from seedbed.runs.resume import resume

ARGUMENTS = {
    "pytorch_optimizer.Ranger21": {"num_iterations": 100},
    "pytorch_optimizer.BSAM": {"num_data": 10},
    "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts": {"T_0": 10},
    "torch.optim.lr_scheduler.CyclicLR": {"base_lr": 0.01, "max_lr": 0.1, "cycle_momentum": False},
    "torch.optim.lr_scheduler.ExponentialLR": {"gamma": 0.9},
    "torch.optim.lr_scheduler.MultiStepLR": {"milestones": [1, 2]},
    "torch.optim.lr_scheduler.OneCycleLR": {"max_lr": 0.1, "cycle_momentum": False},
    "torch.optim.lr_scheduler.StepLR": {"step_size": 2},
}
"""What they cannot do without."""

REFUSED = {
    **dict.fromkeys(
        ("torch.optim.LBFGS", "pytorch_optimizer.LBFGS"), "doesn't support per-parameter options"
    ),
    "torch.optim.Muon": "only supports 2D parameters",
    "torch.optim.SparseAdam": "does not support dense gradients",
    **{
        f"pytorch_optimizer.{name}": message
        for message, names in {
            "has no learning rate": ["A2Grad", "AliG"],
            "`use_muon` must be set": [
                *("AdaGO", "AdaMuon", "DistributedMuon", "Muon", "MuonClip", "NorMuon"),
            ],
            "does not require grad": ["AdaHessian", "SophiaH"],
            "it needs model": ["AdaLOMO", "AdamMini", "LOMO"],
            "state holds pickled objects": [
                *("AdaShift", "Conda", "SCION", "SCIONLight", "ScalableShampoo"),
            ],
            "Tensor list must have same number": ["BSAM"],
            "install `einops`": ["DeMo"],
            "it needs base_optimizer": ["FriendlySAM", "GSAM", "LookSAM", "SAM", "WSAM"],
            "shapes cannot be multiplied": ["LoRARite"],
            "it needs optimizer": [
                *("Lookahead", "Magma", "OrthoGrad", "PCGrad", "SafeFP16Optimizer", "TRAC"),
                "ScheduleFreeWrapper",
            ],
            "its weights differ in evaluation": [
                *("SPlus", "ScheduleFreeAdamW", "ScheduleFreeRAdam", "ScheduleFreeSGD"),
            ],
            "only supports 2D parameters": ["SpectralSphere"],
        }.items()
        for name in names
    },
    **{
        f"torch.optim.lr_scheduler.{name}": f"it needs {needed}, which no setting can give"
        for name, needed in {
            "ChainedScheduler": "schedulers",
            "LambdaLR": "lr_lambda",
            "MultiplicativeLR": "lr_lambda",
            "SequentialLR": "schedulers",
        }.items()
    },
}
"""Those that cannot be trained with, and what is said of each."""


def classes(module: Any, base: type) -> list[str]:
    """The names of a module's classes of a kind."""
    found = {name: one for name, one in vars(module).items() if inspect.isclass(one)}
    return [
        f"{module.__name__}.{name}"
        for name, one in sorted(found.items())
        if issubclass(one, base) and one is not base and not name.startswith("_")
    ]


OPTIMIZERS = [*classes(torch.optim, Optimizer), *classes(pytorch_optimizer, Optimizer)]
SCHEDULES = classes(lr_scheduler, LRScheduler)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return made.settings()


def with_target(config: dict[str, Any], group: str, name: str) -> dict[str, Any]:
    return config | {group: {"_target_": name, "_partial_": True} | ARGUMENTS.get(name, {})}


def new_net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 2))


def take_step(net: nn.Module, optimizer: Optimizer) -> None:
    torch.manual_seed(1)

    def closure() -> Any:
        with torch.enable_grad():
            optimizer.zero_grad()
            loss = net(torch.randn(8, 4)).sin().square().sum()
            loss.backward()
        return loss

    optimizer.step(closure)


def reopened(state: dict[str, Any]) -> Any:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in REFUSED])
def test_optimizer_trains_and_goes_on_from_its_saved_state(
    name: str, config: dict[str, Any]
) -> None:
    config = with_target(config, "optimizer", name)
    check(config)
    net = new_net()
    optimizer = build_optimizer(config, net)
    start = copy.deepcopy(net)
    for _ in range(6):  # some take none that moves a weight at first
        take_step(net, optimizer)
    assert not all(map(torch.equal, net.parameters(), start.parameters()))
    resumed = copy.deepcopy(net)
    another = build_optimizer(config, resumed)
    another.load_state_dict(reopened(optimizer.state_dict()))
    take_step(net, optimizer)
    take_step(resumed, another)
    assert all(map(torch.equal, net.parameters(), resumed.parameters()))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in SCHEDULES if name not in REFUSED])
def test_schedule_goes_on_from_its_saved_state(name: str, config: dict[str, Any]) -> None:
    config = with_target(config, "scheduler", name)
    check(config)

    def made() -> tuple[LRScheduler, Optimizer]:
        optimizer = SGD(new_net().parameters(), lr=0.1)
        return build_scheduler(config, optimizer, 20), optimizer

    schedule, optimizer = made()
    for _ in range(5):
        schedule.step()
    another, resumed = made()
    another.load_state_dict(reopened(schedule.state_dict()))
    resumed.load_state_dict(reopened(optimizer.state_dict()))
    for one in (schedule, another):
        for _ in range(3):
            one.step()
    assert optimizer.param_groups[0]["lr"] == resumed.param_groups[0]["lr"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_with_is_refused_in_one_sentence(
    name: str, config: dict[str, Any]
) -> None:
    group = "scheduler" if name in SCHEDULES else "optimizer"
    with pytest.raises(SettingError) as caught:
        check(with_target(config, group, name))
    assert REFUSED[name] in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


# --- in a fit -------------------------------------------------------------------------------------

TINY = ["data.held_out=20", "logger=csv"]
TORCHS = "scheduler._target_=torch.optim.lr_scheduler."


def executed(folder: Path, *overrides: str) -> RunDirectory:
    return made.executed(folder, *TINY, *overrides)


def rates(run: RunDirectory) -> list[float]:
    """The rate after each epoch of a step."""
    return values_of(run.path / "metrics.csv", "learning_rate")


def test_optimizer_typed_over_an_options_takes_what_it_can_and_the_rest_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["optimizer=adamw", "optimizer._target_=torch.optim.Adamax", "max_epochs=2"]
    config = executed(tmp_path / "run", *typed, "optimizer.eps=0.001").config()["optimizer"]
    assert config["_target_"] == "torch.optim.Adamax"
    assert config["eps"] == 0.001
    assert {"lr", "betas", "weight_decay"} <= {*config}
    message = "optimizer: torch.optim.Adamax does not take the option's fused."
    made.settings(*typed)
    assert capsys.readouterr().out.count(message) == 1
    with pytest.raises(SettingError, match=r"optimizer\.fused: no such setting"):
        check(made.settings(*typed, "optimizer.fused=true"))


@pytest.mark.parametrize(
    "name",
    [
        "Lion",
        # What these keep besides moments comes about in their steps.
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("ASGD", "AvaGrad", "DAdaptSGD", "EmoNavi", "MADGRAD", "Nero", "Prodigy")
        ),
    ],
)
def test_librarys_optimizer_resumes_to_identical_weights(name: str, tmp_path: Path) -> None:
    typed = [f"optimizer._target_=pytorch_optimizer.{name}", "data.batch_size=10"]
    whole = executed(tmp_path / "whole", *typed, "max_epochs=6")
    run = executed(tmp_path / "run", *typed, "max_epochs=3")
    resume(run.path, ["max_epochs=6"])
    states = [torch.load(one.last, weights_only=True)["state_dict"] for one in (whole, run)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.parametrize(
    ("typed", "made"),
    [
        (["StepLR", "scheduler.step_size=2"], lambda o: lr_scheduler.StepLR(o, 2)),
        (["CosineAnnealingLR"], lambda o: lr_scheduler.CosineAnnealingLR(o, 8)),
        (
            ["CosineAnnealingLR", "scheduler.T_max=4"],
            lambda o: lr_scheduler.CosineAnnealingLR(o, 4),
        ),
        (["PolynomialLR"], lambda o: lr_scheduler.PolynomialLR(o, 8)),
        (
            ["OneCycleLR", "scheduler.max_lr=0.01", "scheduler.cycle_momentum=false"],
            lambda o: lr_scheduler.OneCycleLR(o, 0.01, total_steps=8, cycle_momentum=False),
        ),
    ],
    ids=lambda typed: typed[0] if isinstance(typed, list) else "",
)
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_torchs_schedule_gets_the_length_of_the_fit(
    typed: list[str], made: Callable[[Optimizer], LRScheduler], tmp_path: Path
) -> None:
    name, *settings = typed
    run = executed(tmp_path / "run", "scheduler=cosine", TORCHS + name, *settings, "max_epochs=8")
    optimizer = SGD(nn.Linear(1, 1).parameters(), lr=run.config()["optimizer"]["lr"])
    schedule, expected = made(optimizer), []
    for _ in range(8):
        schedule.step()
        expected.append(optimizer.param_groups[0]["lr"])
    assert rates(run) == pytest.approx(expected)


def test_torchs_plateau_follows_the_metric_that_decides(tmp_path: Path) -> None:
    # The loss of a rate of 0 never falls, nor does R² rise; none of them is a step's.
    still = [TORCHS + "ReduceLROnPlateau", "scheduler.patience=1", "scheduler.factor=0.5"]
    run = executed(
        tmp_path / "run",
        *(*still, "monitor=val/r2", "scheduler.threshold=0.9", "optimizer.lr=1e-6"),
        *("scheduler.eps=0.0", "max_epochs=7", "data.batch_size=50"),
    )
    config = run.config()
    assert config["mode"] == "max"
    state = torch.load(run.last, weights_only=True)["lr_schedulers"][0]
    assert (state["watched"], state["mode"]) == ("r2", "max")
    assert rates(run) == pytest.approx([1e-6 * f for f in (1, 1, 1, 0.5, 0.5, 0.25, 0.25)])


def test_longer_fit_of_a_schedule_that_ends_with_its_last_step_is_refused(tmp_path: Path) -> None:
    cycle = [TORCHS + "OneCycleLR", "scheduler.max_lr=0.01", "scheduler.cycle_momentum=false"]
    run = executed(tmp_path / "run", *cycle, "max_epochs=3")
    with pytest.raises(SettingError, match="takes no step after its 3"):
        resume(run.path, ["max_epochs=6"])
    steps = [TORCHS + "StepLR", "scheduler.step_size=2"]
    run = executed(tmp_path / "steps", *steps, "max_epochs=3")
    resume(run.path, ["max_epochs=5"])
    assert rates(run) == pytest.approx([0.01, 0.001, 0.001, 0.0001, 0.0001])
