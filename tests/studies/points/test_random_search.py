import copy
from itertools import pairwise

import torch
from torch import Tensor, nn

from studies.points.random_search import RandomSearch


def quadratic(point: nn.Parameter) -> Tensor:
    return (point - 3).square().sum()


def searched(point: nn.Parameter, optimizer: RandomSearch, steps: int) -> list[float]:
    """The loss at the point that is kept after each step."""
    kept = []
    for _ in range(steps):
        optimizer.step(lambda: quadratic(point))
        kept.append(quadratic(point).item())
    return kept


def test_first_step_only_looks_at_the_start() -> None:
    point = nn.Parameter(torch.zeros(2))
    RandomSearch([point]).step(lambda: quadratic(point))
    assert point.tolist() == [0, 0]


def test_loss_at_the_kept_point_never_rises_and_comes_near_the_minimum() -> None:
    torch.manual_seed(0)
    point = nn.Parameter(torch.zeros(2))
    losses = searched(point, RandomSearch([point], lr=0.3), 300)
    assert all(later <= earlier for earlier, later in pairwise(losses))
    assert losses[0] == 18
    assert losses[-1] < 0.05


def test_steps_have_the_deviation_of_the_learning_rate() -> None:
    torch.manual_seed(0)
    point = nn.Parameter(torch.zeros(10_000))
    optimizer = RandomSearch([point], lr=0.2)
    losses = iter([2.0, 1.0])  # whatever it tries second is kept
    for _ in range(2):
        optimizer.step(lambda: torch.tensor(next(losses)))
    assert abs(point.std().item() - 0.2) < 0.01


def test_search_goes_on_from_its_saved_state() -> None:
    torch.manual_seed(0)
    point = nn.Parameter(torch.zeros(2))
    optimizer = RandomSearch([point], lr=0.3)
    searched(point, optimizer, 20)
    other = nn.Parameter(point.detach().clone())
    resumed = RandomSearch([other], lr=0.3)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    torch.manual_seed(1)
    expected = searched(point, optimizer, 20)
    torch.manual_seed(1)
    assert searched(other, resumed, 20) == expected
