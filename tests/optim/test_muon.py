import copy
import io
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from seedbed.optim.groups import parameter_groups
from seedbed.optim.muon import REFERENCE_WIDTH, MuonWithAdamW, fast_type

WIDTH = REFERENCE_WIDTH // 4


class Net(nn.Module):
    """A tall and a wide matrix between an embedding and a head, with norm and biases."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(7, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.expand = nn.Linear(WIDTH, 48)
        self.shrink = nn.Linear(48, WIDTH)
        self.head = nn.Linear(WIDTH, 7)

    def loss(self) -> Tensor:
        """Cross-entropy of fixed targets."""
        hidden = self.shrink(self.expand(self.norm(self.embedding.weight)).tanh())
        return nn.functional.cross_entropy(self.head(hidden), torch.arange(7).flip(0))


def optimizer_of(net: nn.Module, **settings: Any) -> MuonWithAdamW:
    return MuonWithAdamW(parameter_groups(net), **settings)


def torchs_own(net: Net, *, weight_decay: float = 0.0) -> list[Optimizer]:
    """What MuonWithAdamW should equal at `lr=0.03, adamw_lr=0.01, momentum=0.9, betas=(0.8, 0.9)`.

    At a quarter of the reference width, AdamW's rate for embedding and head doubles.
    """
    linears = [net.expand, net.shrink, net.head]
    vectors = [*net.norm.parameters(), *(linear.bias for linear in linears)]
    groups: list[dict[str, Any]] = [
        {"params": [net.head.weight], "lr": 0.02, "weight_decay": weight_decay},
        {"params": [net.embedding.weight], "lr": 0.02, "weight_decay": 0.0},
        {"params": vectors, "lr": 0.01, "weight_decay": 0.0},
    ]
    matrices = [net.expand.weight, net.shrink.weight]
    return [
        Muon(matrices, lr=0.03, momentum=0.9, weight_decay=weight_decay),
        AdamW(groups, betas=(0.8, 0.9), eps=1e-10),
    ]


def train(
    net: Net, optimizers: Sequence[Optimizer], schedules: Sequence[LambdaLR] = (), *, steps: int = 5
) -> None:
    for _ in range(steps):
        net.zero_grad()
        net.loss().backward()
        for optimizer in optimizers:
            optimizer.step()
        for schedule in schedules:
            schedule.step()


def falling(optimizer: Optimizer) -> LambdaLR:
    return LambdaLR(optimizer, lambda step: 1 / (step + 1))


def weights(net: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in net.named_parameters()}


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, bool]:
    return {name: value.equal(theirs[name]) for name, value in ours.items()}


def through_a_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded: dict[str, Any] = torch.load(file, weights_only=True)
    return loaded


@pytest.fixture
def in_torchs_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedbed.optim.muon.fast_type", lambda device: torch.bfloat16)


@pytest.mark.parametrize(
    ("device", "abilities", "expected"),
    [
        ("cpu", {"avx2": True, "avx512_bf16": False}, torch.float32),
        ("cpu", {"avx512_bf16": True}, torch.bfloat16),
        ("cpu", {"neon": True, "bf16": True}, torch.bfloat16),
        ("cuda", {"avx2": True}, torch.bfloat16),
    ],
)
def test_bfloat16_is_left_to_devices_that_are_fast_in_it(
    device: str,
    abilities: dict[str, bool],
    expected: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: abilities)
    assert fast_type(torch.device(device)) == expected


@pytest.mark.parametrize("shape", [(12, 5), (5, 12)])
def test_first_step_in_single_precision_goes_along_the_gradients_polar_factor(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose singular values the iteration takes to within a third of one, not to one."""
    monkeypatch.setattr("seedbed.optim.muon.fast_type", lambda device: torch.float32)
    net = nn.Linear(shape[1], shape[0], bias=False)
    start = net.weight.detach().clone()
    net.weight.grad = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    left, _, right = torch.linalg.svd(net.weight.grad, full_matrices=False)
    optimizer_of(net, lr=1.0).step()
    stretch = max(1.0, shape[0] / shape[1]) ** 0.5
    turned = left.T @ (start - net.weight.detach()) @ right.T / stretch
    torch.testing.assert_close(turned.diagonal(), torch.ones(5), atol=0.35, rtol=0)
    torch.testing.assert_close(turned, turned.diagonal().diag(), atol=1e-5, rtol=0)


@pytest.mark.usefixtures("in_torchs_type")
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_equals_torchs_muon_on_matrices_and_torchs_adamw_on_the_rest(weight_decay: float) -> None:
    net, reference = Net(), Net()
    rates = {"lr": 0.03, "adamw_lr": 0.01}
    ours = optimizer_of(net, **rates, momentum=0.9, betas=(0.8, 0.9), weight_decay=weight_decay)
    train(net, [ours])
    train(reference, torchs_own(reference, weight_decay=weight_decay))
    assert all(same(weights(net), weights(reference)).values())


@pytest.mark.usefixtures("in_torchs_type")
def test_schedule_moves_the_rates_of_both_parts() -> None:
    net, reference = Net(), Net()
    ours = optimizer_of(net, lr=0.03, adamw_lr=0.01, momentum=0.9, betas=(0.8, 0.9))
    train(net, [ours], [falling(ours)])
    theirs = torchs_own(reference)
    train(reference, theirs, [falling(optimizer) for optimizer in theirs])
    assert all(same(weights(net), weights(reference)).values())


def test_training_goes_on_to_identical_weights_after_a_round_trip_through_a_file() -> None:
    net = Net()
    optimizer = optimizer_of(net, weight_decay=0.1)
    schedule = falling(optimizer)
    train(net, [optimizer], [schedule])

    resumed = copy.deepcopy(net)
    resumed_optimizer = optimizer_of(resumed, lr=9.0, adamw_lr=9.0, momentum=0.5, betas=(0.5, 0.5))
    resumed_schedule = falling(resumed_optimizer)
    resumed_optimizer.load_state_dict(through_a_file(optimizer.state_dict()))
    resumed_schedule.load_state_dict(through_a_file(schedule.state_dict()))

    train(net, [optimizer], [schedule])
    train(resumed, [resumed_optimizer], [resumed_schedule])
    assert all(same(weights(resumed), weights(net)).values())


def test_filters_go_to_adamw_at_its_own_rate() -> None:
    net, reference = nn.Conv1d(2, 3, 3, bias=False), nn.Conv1d(2, 3, 3, bias=False)
    reference.load_state_dict(net.state_dict())
    ours = optimizer_of(net, adamw_lr=0.01)
    theirs = AdamW(reference.parameters(), lr=0.01, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.0)
    for made, optimizer in ((net, ours), (reference, theirs)):
        made(torch.ones(1, 2, 5)).square().sum().backward()
        optimizer.step()
    assert all(same(weights(net), weights(reference)).values())


@pytest.mark.parametrize(
    ("width", "factor"),
    [(REFERENCE_WIDTH, 1), (REFERENCE_WIDTH // 4, 2), (REFERENCE_WIDTH * 4, 0.5)],
)
def test_rate_of_embedding_and_head_falls_with_the_root_of_the_width(
    width: int, factor: float
) -> None:
    net = nn.ModuleDict({"tokens": nn.Embedding(3, width), "head": nn.Linear(width, 3)})
    rates = {group["kind"]: group["lr"] for group in optimizer_of(net, adamw_lr=0.01).param_groups}
    assert rates == pytest.approx(
        {"embedding": 0.01 * factor, "head": 0.01 * factor, "vector": 0.01}
    )


@pytest.mark.parametrize(
    ("trained", "names"),
    [
        ("matrix", {"expand.weight", "shrink.weight"}),
        ("vector", {"norm.weight", "norm.bias", "expand.bias", "shrink.bias", "head.bias"}),
    ],
)
def test_a_net_may_have_parameters_of_one_kind_only(trained: str, names: set[str]) -> None:
    net, start = Net(), weights(Net())
    groups = [group for group in parameter_groups(net) if group["kind"] == trained]
    train(net, [MuonWithAdamW(groups)])
    moved = {name for name, kept in same(weights(net), start).items() if not kept}
    assert moved == names


def test_parameter_without_a_gradient_stays() -> None:
    net, start = Net(), weights(Net())
    optimizer = optimizer_of(net, weight_decay=0.1)
    net.loss().backward()
    net.shrink.zero_grad()
    net.norm.zero_grad()
    optimizer.step()
    kept = {name for name, kept in same(weights(net), start).items() if kept}
    assert kept == {"shrink.weight", "shrink.bias", "norm.weight", "norm.bias"}


def test_closure_computes_the_gradients_and_its_loss_is_returned() -> None:
    net, reference = Net(), Net()

    def closure() -> Tensor:
        net.zero_grad()
        loss = net.loss()
        loss.backward()
        return loss

    optimizer = optimizer_of(net)
    with torch.no_grad():
        loss = optimizer.step(closure)
    train(reference, [optimizer_of(reference)], steps=1)

    assert loss.item() == Net().loss().item()
    assert all(same(weights(net), weights(reference)).values())


def test_caller_keeps_its_own_groups_unchanged() -> None:
    groups = parameter_groups(Net())
    MuonWithAdamW(groups)
    assert all("lr" not in group for group in groups)
