import pytest
import torch
from torch import Tensor, nn

from seedbed.nets.generation import generate, stream
from seedbed.nets.gpt import GPT
from seedbed.nets.language_model import LanguageModel
from seedbed.nets.softmax import Softmax
from seedbed.nets.transformer_decoder import TransformerDecoder

V, CONTEXT = 6, 4

every_decoder = pytest.mark.parametrize("kind", [GPT, TransformerDecoder])


class Recorded(LanguageModel):
    """Predicts from the last token alone, by a table (V, V) of logits; keeps what it was shown."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.context = CONTEXT
        self.seen: list[Tensor] = []
        self.head = Softmax(V, V, bias=False)
        with torch.no_grad():
            self.head.weight.copy_(logits.T)

    def hidden(self, tokens: Tensor) -> Tensor:
        self.seen.append(tokens)
        self.recorded = torch.is_grad_enabled()
        return nn.functional.one_hot(tokens, V).float()


def successor() -> Recorded:
    """After each id, surely the next one; after the last, the first."""
    return Recorded(1000 * torch.eye(V).roll(1, dims=1))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_decoder(kind: type[LanguageModel], context: int = 12) -> LanguageModel:
    """Every parameter drawn, so that all of a text decides what comes next."""
    net = kind(vocabulary_size=V, context=context, width=32, depth=2).double().eval()
    for parameter in net.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.4, generator=seeded(0))
    return net


# --- how far --------------------------------------------------------------------------------------


def test_new_tokens_are_returned_as_many_as_asked() -> None:
    assert generate(successor(), [[3, 1]], 3) == [[2, 3, 4]]


@pytest.mark.parametrize("length", [0, -1])
def test_length_below_one_writes_nothing(length: int) -> None:
    assert generate(successor(), [[3, 1], [2]], length) == [[], []]


def test_each_text_stops_at_its_own_end() -> None:
    assert generate(successor(), [[3], [1]], 20, end=4) == [[4], [2, 3, 4]]


def test_end_in_the_prompt_does_not_count() -> None:
    assert generate(successor(), [[4]], 20, end=4) == [[5, 0, 1, 2, 3, 4]]


def test_texts_of_prompts_of_other_lengths_are_each_as_long_as_asked() -> None:
    assert generate(successor(), [[0], [1, 2, 3], [5, 4]], 3) == [[1, 2, 3], [4, 5, 0], [5, 0, 1]]


def test_stream_yields_nothing_for_a_text_that_is_in_its_prompt_or_over() -> None:
    steps = [*stream(successor(), [[3], [5, 0, 1]], 20, end=4)]
    assert steps == [[4, None], [None, None], [None, 2], [None, 3], [None, 4]]


# --- what is seen ---------------------------------------------------------------------------------


def test_only_the_last_tokens_of_a_context_are_seen() -> None:
    net = successor()
    generate(net, [[0, 1, 2]], 4)
    shown = [tokens[0].tolist() for tokens in net.seen]
    assert shown == [[0, 1, 2], [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]]


def test_prompt_may_be_longer_than_the_context() -> None:
    net = successor()
    assert generate(net, [[0, 1, 2, 3, 4, 5]], 1) == [[0]]
    assert net.seen[0].tolist() == [[2, 3, 4, 5]]


@pytest.mark.parametrize("prompts", [[[1, 2]], [[1], [2, 3, 4], [0, 5]], [[*range(6)] * 3]])
def test_text_is_the_same_as_from_a_model_that_sees_all_anew_each_time(
    prompts: list[list[int]],
) -> None:
    net = random_decoder(GPT)
    found = generate(net, prompts, 30, generator=seeded(3))
    net.caches = False  # type: ignore[misc]
    assert generate(net, prompts, 30, generator=seeded(3)) == found
    assert len({token for text in found for token in text}) > 2  # not what any net would write


def test_tokens_are_computed_once_until_the_window_slides() -> None:
    net, lengths = random_decoder(GPT, context=6), []
    net.get_submodule("token_embedding").register_forward_hook(
        lambda module, inputs, output: lengths.append(inputs[0].shape[1])
    )
    generate(net, [[1, 2, 3]], 6)
    assert lengths == [3, 1, 1, 1, 6, 6]


@every_decoder
def test_prompts_in_one_batch_give_what_each_gives_alone(kind: type[LanguageModel]) -> None:
    net, prompts = random_decoder(kind), [[1], [2, 3, 4], [0, 5]]
    together = generate(net, prompts, 20, temperature=0)
    assert together == [generate(net, [prompt], 20, temperature=0)[0] for prompt in prompts]


# --- what is drawn --------------------------------------------------------------------------------


def test_same_seed_gives_same_text() -> None:
    net = Recorded(torch.zeros(V, V))
    first, again = (generate(net, [[0], [1]], 20, generator=seeded(0)) for _ in range(2))
    assert first == again


def test_another_seed_gives_another_text() -> None:
    net = Recorded(torch.zeros(V, V))
    first, other = (generate(net, [[0], [1]], 20, generator=seeded(seed)) for seed in range(2))
    assert first != other


@pytest.mark.parametrize(
    "settings", [{"temperature": 0}, {"temperature": 1e-40}, {"temperature": 1e-3}, {"top_k": 1}]
)
@pytest.mark.parametrize("top_p", [None, 0.5])
def test_likeliest_token_is_taken(settings: dict[str, float], top_p: float | None) -> None:
    logits = torch.randn(V, V, generator=seeded(0))
    prompts = [[token] for token in range(V)]
    written = generate(Recorded(logits), prompts, 5, top_p=top_p, generator=seeded(1), **settings)
    best = logits.argmax(dim=-1)
    for (before,), text in zip(prompts, written, strict=True):
        assert text == [*(best[token] for token in [before, *text[:-1]])]


ROWS = 20_000
LOGITS = torch.tensor([0.5, 0.1, 0.25, 0.05, 0.06, 0.04]).log()


def shares(**settings: float) -> Tensor:
    """How often each token is drawn, of many draws."""
    net = Recorded(LOGITS.expand(V, V))
    written = generate(net, [[0]] * ROWS, 1, generator=seeded(1), **settings)
    return torch.tensor(written)[:, 0].bincount(minlength=V) / ROWS


def likely(found: Tensor, chances: Tensor) -> bool:
    return bool(((found - chances).abs() <= 4 * (chances * (1 - chances) / ROWS).sqrt()).all())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_are_drawn_with_the_chances_of_the_softmax(temperature: float) -> None:
    assert likely(shares(temperature=temperature), (LOGITS / temperature).softmax(dim=0))


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"top_k": 2}, [0.5, 0, 0.25, 0, 0, 0]),
        ({"top_k": 100}, [0.5, 0.1, 0.25, 0.05, 0.06, 0.04]),
        ({"top_p": 0.4}, [0.5, 0, 0, 0, 0, 0]),
        ({"top_p": 0.7}, [0.5, 0, 0.25, 0, 0, 0]),
        ({"top_p": 0.8}, [0.5, 0.1, 0.25, 0, 0, 0]),
        ({"top_p": 1.0}, [0.5, 0.1, 0.25, 0.05, 0.06, 0.04]),
        ({"top_p": 0.0}, [0.5, 0, 0, 0, 0, 0]),
        ({"top_k": 3, "top_p": 0.8}, [0.5, 0, 0.25, 0, 0, 0]),
    ],
)
def test_least_likely_tokens_are_left_out_and_the_others_keep_their_proportions(
    settings: dict[str, float], kept: list[float]
) -> None:
    chances = torch.tensor(kept)
    assert likely(shares(**settings), chances / chances.sum())


def test_no_gradient_is_recorded() -> None:
    net = successor()
    generate(net, [[0]], 1)
    assert not net.recorded
