"""The adaptive head against the full distribution it stands for."""

import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seedbed.nets.gpt import GPT
from seedbed.nets.softmax import AdaptiveSoftmax, Softmax

N, C, V = 40, 16, 30
COUNTS = torch.randperm(V, generator=torch.Generator().manual_seed(3))


def head() -> AdaptiveSoftmax:
    torch.manual_seed(0)
    adaptive = AdaptiveSoftmax(C, V, [5, 12]).double()
    for parameter in adaptive.parameters():
        nn.init.normal_(parameter)
    adaptive.order_by(COUNTS)
    return adaptive


def states() -> Tensor:
    return torch.randn(N, C, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def targets() -> Tensor:
    return torch.randint(V, (N,), generator=torch.Generator().manual_seed(2))


def test_adaptive_probabilities_sum_to_one() -> None:
    total = head()(states()).exp().sum(dim=-1)
    torch.testing.assert_close(total, torch.ones(N, dtype=torch.float64))


def test_adaptive_loss_is_the_cross_entropy_of_its_logits() -> None:
    adaptive = head()
    logits = adaptive(states())
    parameters = list(adaptive.parameters())
    expected = F.cross_entropy(logits, targets())
    loss = adaptive.loss(states(), targets())
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(
        torch.autograd.grad(loss, parameters), torch.autograd.grad(expected, parameters)
    )


def test_every_weight_has_a_gradient_where_no_target_is_rare() -> None:
    adaptive = head()
    common = COUNTS.topk(5).indices[torch.arange(N) % 5]
    adaptive.loss(states(), common).backward()
    for cluster in adaptive.softmax.tail:
        for parameter in cluster.parameters():
            assert parameter.grad is not None
            assert not parameter.grad.any()


def test_adaptive_measure_is_the_full_distributions() -> None:
    adaptive = head()
    logits = adaptive(states())
    wanted = torch.where(torch.arange(N) % 2 == 0, logits.argmax(dim=-1), targets())
    losses, hits = adaptive.measure(states(), wanted)
    torch.testing.assert_close(losses, F.cross_entropy(logits, wanted, reduction="none"))
    torch.testing.assert_close(hits, logits.argmax(dim=-1) == wanted)
    assert N / 2 <= hits.sum() < N


def test_commonest_tokens_come_before_the_first_cutoff() -> None:
    common = COUNTS.topk(5).indices
    assert set(head().ranks[common].tolist()) == set(range(5))


def test_adaptive_head_gives_logits_of_any_leading_shape() -> None:
    adaptive = head()
    torch.testing.assert_close(adaptive(states().view(4, 10, C)), adaptive(states()).view(4, 10, V))


def test_adaptive_head_starts_without_preference_among_common_tokens_and_clusters() -> None:
    logits = AdaptiveSoftmax(C, V, [5, 12])(torch.randn(N, C))
    torch.testing.assert_close(logits[:, :5].exp(), torch.full((N, 5), 1 / 7))


def test_adaptive_head_computes_in_full_precision_under_autocast() -> None:
    adaptive = head().float()
    expected = adaptive.loss(states().float(), targets())
    with torch.autocast("cpu", torch.bfloat16):
        half = states().bfloat16()
        assert adaptive.loss(states().float(), targets()) == expected
        assert adaptive(half).dtype == adaptive.measure(half, targets())[0].dtype == torch.float32


def test_order_goes_with_the_weights() -> None:
    other = AdaptiveSoftmax(C, V, [5, 12]).double()
    other.load_state_dict(head().state_dict())
    torch.testing.assert_close(other(states()), head()(states()))


def test_small_vocabulary_needs_no_clusters() -> None:
    assert isinstance(GPT(vocabulary_size=V, context=8, cutoffs=[V, 2 * V]).head, Softmax)
    assert isinstance(GPT(vocabulary_size=V, context=8, cutoffs=[5, 2 * V]).head, AdaptiveSoftmax)


@pytest.mark.parametrize("cutoffs", [[12, 5], [5, 5], [0, 5], [2 * V, V]])
def test_cutoffs_that_do_not_rise_are_refused(cutoffs: list[int]) -> None:
    with pytest.raises(ValueError, match="expected ranks from 1 on that rise"):
        GPT(vocabulary_size=V, context=8, cutoffs=cutoffs)


@pytest.mark.parametrize("kind", ["softmax", "adaptive"])
def test_tokens_are_drawn_as_likely_as_the_logits_have_them(kind: str) -> None:
    torch.manual_seed(0)
    drawing = head() if kind == "adaptive" else Softmax(C, V).double()
    state, count = states()[:1] / 2, 40_000
    chances = drawing(state).softmax(dim=-1)[0]
    tokens = drawing.draw(state.expand(count, C), torch.Generator().manual_seed(4))
    found = tokens.bincount(minlength=V) / count
    deviation = (chances * (1 - chances) / count).sqrt()
    assert ((found - chances).abs() < 4 * deviation).all()
    assert chances.max() < 0.9


def test_a_loaded_head_draws_as_the_one_that_was_saved() -> None:
    saved, loaded = head(), AdaptiveSoftmax(C, V, [5, 12]).double()
    loaded.load_state_dict(saved.state_dict())
    one, other = (made.draw(states(), torch.Generator().manual_seed(4)) for made in (saved, loaded))
    assert one.equal(other)
    assert not loaded.tokens.equal(torch.arange(V))


def test_adaptive_head_can_be_pickled() -> None:
    copied = pickle.loads(pickle.dumps(head()))
    assert copied(states()).equal(head()(states()))
