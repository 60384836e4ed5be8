from math import exp, isnan, log
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from seedbed.nets.language_model import LanguageModel
from seedbed.tasks.language import CHUNK, LanguageTask

V = 9


class Bigram(LanguageModel):
    """Guesses the next token from the last one alone."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.context = 100
        self.embedding = nn.Embedding(V, 4)
        self.head = nn.Linear(4, V)

    def hidden(self, tokens: Tensor) -> Tensor:
        embedded: Tensor = self.embedding(tokens)
        return embedded


def new_task() -> LanguageTask:
    return LanguageTask(
        Bigram(),
        optimizer=lambda net: SGD(net.parameters()),
        scheduler=lambda optimizer, _: LambdaLR(optimizer, lambda _: 1.0),
    )


def windows(*shape: int) -> Tensor:
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(sum(shape)))


# Of unequal sizes, the first not a multiple of a chunk, so that a mean of means would be wrong.
BATCHES = [windows(5, 42), windows(2, 42), windows(1, 4)]


def evaluated(task: LanguageTask, batches: list[Tensor]) -> dict[str, float]:
    metrics: Any = task.metrics["val"]
    for batch in batches:
        task.validation_step(batch)
    return {name: figure.item() for name, figure in task.figures(metrics).items()}


def test_batches_cross_the_bounds_of_chunks() -> None:
    assert BATCHES[0][:, 1:].numel() % CHUNK
    assert BATCHES[0][:, 1:].numel() > CHUNK


def test_figures_equal_plain_torch_over_all_tokens_of_all_batches() -> None:
    task = new_task()
    logits = torch.cat([task.net(batch[:, :-1]).flatten(0, 1) for batch in BATCHES])
    targets = torch.cat([batch[:, 1:].flatten() for batch in BATCHES])
    loss = F.cross_entropy(logits, targets).item()
    assert evaluated(task, BATCHES) == pytest.approx(
        {
            "loss": loss,
            "perplexity": exp(loss),
            "bits_per_character": loss / log(2),
            "accuracy": (logits.argmax(dim=-1) == targets).float().mean().item(),
        },
        rel=1e-5,
    )


def test_figures_are_those_the_task_says_it_measures() -> None:
    figures = evaluated(new_task(), BATCHES)
    assert set(figures) == {f"{name}" for name in LanguageTask.measures}


def test_evaluation_measures_what_training_minimises() -> None:
    task = new_task()
    expected = task.step(BATCHES[0]).loss.item()
    assert evaluated(task, BATCHES[:1])["loss"] == pytest.approx(expected, rel=1e-5)


def test_training_loss_is_cross_entropy_of_each_next_token() -> None:
    task, batch = new_task(), BATCHES[0]
    logits = task.net(batch[:, :-1])
    expected = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
    torch.testing.assert_close(task.step(batch).loss, expected)


def test_step_counts_the_predicted_tokens() -> None:
    assert new_task().step(windows(5, 42)).count == 5 * 41


def test_one_nan_makes_the_whole_loss_nan() -> None:
    task = new_task()
    with torch.no_grad():
        task.net.get_parameter("embedding.weight")[3] = torch.nan
    assert isnan(evaluated(task, [torch.tensor([[0, 1, 2, 3, 4]])])["loss"])
