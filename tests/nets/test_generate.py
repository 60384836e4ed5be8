import pytest
import torch
from torch import Tensor, nn

from seedbed.nets.language_model import LanguageModel, generate

V, CONTEXT = 6, 4


class Recorded(LanguageModel):
    """Predicts from the last token alone, by a table (V, V) of logits; keeps what it was shown."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.context = CONTEXT
        self.seen: list[Tensor] = []
        self.head = nn.Linear(V, V, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(logits.T)

    def hidden(self, tokens: Tensor) -> Tensor:
        self.seen.append(tokens)
        return nn.functional.one_hot(tokens, V).float()


def successor() -> Recorded:
    """After each id, surely the next one; after the last, the first."""
    return Recorded(1000 * torch.eye(V).roll(1, dims=1))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_same_seed_gives_same_text() -> None:
    net, start = Recorded(torch.zeros(V, V)), torch.tensor([[0], [1]])
    first, again = (generate(net, start, 20, generator=seeded(0)) for _ in range(2))
    assert first.equal(again)


def test_another_seed_gives_another_text() -> None:
    net, start = Recorded(torch.zeros(V, V)), torch.tensor([[0], [1]])
    first, other = (generate(net, start, 20, generator=seeded(seed)) for seed in range(2))
    assert not first.equal(other)


def test_text_is_as_long_as_asked_and_starts_with_the_prompt() -> None:
    assert generate(successor(), torch.tensor([[3, 1]]), 3).tolist() == [[3, 1, 2, 3, 4]]


def test_length_zero_returns_the_prompt() -> None:
    assert generate(successor(), torch.tensor([[3, 1]]), 0).tolist() == [[3, 1]]


def test_stops_once_every_row_has_produced_the_end() -> None:
    written = generate(successor(), torch.tensor([[3], [1]]), 20, end=4)
    assert written.tolist() == [[3, 4, 5, 0], [1, 2, 3, 4]]


def test_end_in_the_prompt_does_not_count() -> None:
    written = generate(successor(), torch.tensor([[4]]), 20, end=4)
    assert written.tolist() == [[4, 5, 0, 1, 2, 3, 4]]


def test_only_the_last_tokens_of_a_context_are_seen() -> None:
    net = successor()
    generate(net, torch.tensor([[0, 1, 2]]), 4)
    shown = [tokens[0].tolist() for tokens in net.seen]
    assert shown == [[0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]]


def test_prompt_longer_than_the_context_is_kept_whole() -> None:
    written = generate(successor(), torch.tensor([[0, 1, 2, 3, 4, 5]]), 1)
    assert written.tolist() == [[0, 1, 2, 3, 4, 5, 0]]


def test_low_temperature_takes_the_likeliest_token() -> None:
    logits = torch.randn(V, V, generator=seeded(0))
    written = generate(
        Recorded(logits), torch.arange(V)[:, None], 30, temperature=1e-3, generator=seeded(1)
    )
    assert written[:, 1:].equal(logits.argmax(dim=-1)[written[:, :-1]])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_with_the_chances_of_the_softmax(temperature: float) -> None:
    logits = torch.randn(V, generator=seeded(0))
    rows = 20_000
    written = generate(
        Recorded(logits.expand(V, V)),
        torch.zeros(rows, 1, dtype=torch.int64),
        1,
        temperature=temperature,
        generator=seeded(1),
    )
    chances = (logits / temperature).softmax(dim=0)
    error = (chances * (1 - chances) / rows).sqrt()
    assert ((written[:, 1].bincount(minlength=V) / rows - chances).abs() < 4 * error).all()


def test_no_gradient_is_recorded() -> None:
    net = successor()
    net.requires_grad_()
    generate(net, torch.tensor([[0]]), 1)
    assert net.head.weight.grad is None
