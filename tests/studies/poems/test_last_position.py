import torch
from torch import nn
from torch.nn import functional as F

from studies.poems.last_position import LastPositionTask


class Logits(nn.Module):
    """A table of logits (V, V), of which each token has a row."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.arange(9.0).view(3, 3).sin())

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.table[tokens]
        return logits


def test_loss_is_of_the_last_target_alone() -> None:
    net = Logits()
    task = LastPositionTask(net, optimizer=None, scheduler=None)  # type: ignore[arg-type]
    inputs, targets = torch.tensor([[0, 1], [2, 2]]), torch.tensor([[1, 2], [0, 1]])
    step = task.step((inputs, targets))
    expected = F.cross_entropy(net.table[[1, 2]], torch.tensor([2, 1]))
    torch.testing.assert_close(step.loss, expected)
    assert step.count == 2
