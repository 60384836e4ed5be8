from math import exp, isnan, log
from pathlib import Path
from typing import Any

import pytest
import torch
from made import executed, rows_of
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from seedbed.data.tokens import IGNORED
from seedbed.nets.language_model import LanguageModel
from seedbed.nets.softmax import CHUNK, Softmax
from seedbed.tasks.language import LanguageTask

V = 9

Batch = tuple[Tensor, Tensor]


class Bigram(LanguageModel):
    """Guesses the next token from the last one alone."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.context = 100
        self.embedding = nn.Embedding(V, 4)
        self.head = Softmax(4, V)

    def hidden(self, tokens: Tensor) -> Tensor:
        embedded: Tensor = self.embedding(tokens)
        return embedded


def new_task() -> LanguageTask:
    return LanguageTask(
        Bigram(),
        optimizer=lambda net: SGD(net.parameters()),
        scheduler=lambda optimizer, _: LambdaLR(optimizer, lambda _: 1.0),
    )


def batch(*shape: int) -> Batch:
    """Inputs and targets of this shape, each next token a target."""
    generator = torch.Generator().manual_seed(sum(shape))
    windows = torch.randint(V, (shape[0], shape[1] + 1), generator=generator)
    return windows[:, :-1], windows[:, 1:]


# Of unequal sizes, the first not a multiple of a chunk, so that a mean of means would be wrong.
BATCHES = [batch(5, 41), batch(2, 41), batch(1, 3)]


def evaluated(task: LanguageTask, batches: list[Batch]) -> dict[str, float]:
    metrics: Any = task.metrics["val"]
    for batch in batches:
        task.validation_step(batch)
    return {name: figure.item() for name, figure in task.compute_metrics(metrics).items()}


def test_batches_cross_the_bounds_of_chunks() -> None:
    assert BATCHES[0][1].numel() % CHUNK
    assert BATCHES[0][1].numel() > CHUNK


def test_figures_equal_plain_torch_over_all_tokens_of_all_batches() -> None:
    task = new_task()
    logits = torch.cat([task.net(inputs).flatten(0, 1) for inputs, _ in BATCHES])
    targets = torch.cat([targets.flatten() for _, targets in BATCHES])
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


def test_target_below_zero_is_not_measured() -> None:
    inputs, targets = BATCHES[1]
    shorter = evaluated(new_task(), [(inputs[:1], targets[:1]), (inputs[1:, :7], targets[1:, :7])])
    targets = targets.clone()
    targets[1, 7:] = IGNORED
    assert evaluated(new_task(), [(inputs, targets)]) == pytest.approx(shorter, rel=1e-5)


def test_figures_are_those_the_task_says_it_measures() -> None:
    figures = evaluated(new_task(), BATCHES)
    assert set(figures) == {f"{name}" for name in LanguageTask.metric_names}


def test_training_is_logged_in_perplexity_and_bits_too(tmp_path: Path) -> None:
    tiny = ["experiment=rhymes", "data.poems=60", "data.context=16", "logger=csv"]
    brief = ["net.depth=1", "max_steps=4", "val_check_interval=2", "callbacks=default"]
    run = executed(tmp_path / "run", *tiny, *brief)
    rows = rows_of(run.path / "metrics.csv", "train/loss")
    assert len(rows) == 2
    for row in rows:
        loss = float(row["train/loss"])
        assert float(row["train/perplexity"]) == pytest.approx(exp(loss), rel=1e-5)
        assert float(row["train/bits_per_character"]) == pytest.approx(loss / log(2), rel=1e-5)


def test_evaluation_measures_what_training_minimises() -> None:
    task = new_task()
    expected = task.step(BATCHES[0]).loss.item()
    assert evaluated(task, BATCHES[:1])["loss"] == pytest.approx(expected, rel=1e-5)


def test_training_loss_is_cross_entropy_of_each_next_token() -> None:
    task, (inputs, targets) = new_task(), BATCHES[0]
    expected = F.cross_entropy(task.net(inputs).flatten(0, 1), targets.flatten())
    torch.testing.assert_close(task.step((inputs, targets)).loss, expected)


def test_step_counts_the_predicted_tokens() -> None:
    assert new_task().step(batch(5, 41)).count == 5 * 41


def test_one_nan_makes_the_whole_loss_nan() -> None:
    task = new_task()
    with torch.no_grad():
        task.net.get_parameter("embedding.weight")[3] = torch.nan
    tokens = torch.arange(5)[None]
    assert isnan(evaluated(task, [(tokens[:, :-1], tokens[:, 1:])])["loss"])
