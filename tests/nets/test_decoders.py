from functools import partial
from math import log, sqrt

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seedbed.nets import gpt, softmax
from seedbed.nets.gpt import GPT, Rotary, rms_norm
from seedbed.nets.language_model import LanguageModel
from seedbed.nets.softmax import Softmax
from seedbed.nets.transformer_decoder import TransformerDecoder

V, T, C = 13, 7, 64

every_decoder = pytest.mark.parametrize("kind", [GPT, TransformerDecoder])
exactly = partial(torch.testing.assert_close, rtol=1e-9, atol=1e-11)


def randomise(net: nn.Module) -> None:
    """Give every parameter weight, zero-initialised ones too, so that no path stays hidden."""
    torch.manual_seed(0)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.2)


def decoder(kind: type[LanguageModel], *, depth: int = 2) -> LanguageModel:
    net = kind(vocabulary_size=V, context=T, width=C, depth=depth).double()
    randomise(net)
    return net


def ids(*shape: int) -> Tensor:
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(1))


def reach(net: LanguageModel) -> Tensor:
    """Whether the logits of a position (rows) depend on the embedding at another (columns)."""
    embedding = net.get_submodule("token_embedding")
    embedded = embedding(ids(1, T)).detach().requires_grad_()
    embedding.register_forward_hook(lambda *_: embedded)
    logits = net(ids(1, T))
    rows = [torch.autograd.grad(logits[0, t].sum(), embedded, retain_graph=True) for t in range(T)]
    return torch.stack([gradient[0].abs().sum(dim=-1) > 0 for (gradient,) in rows])  # (T, T)


@every_decoder
@pytest.mark.parametrize("t", range(T - 1))
def test_logits_stay_when_the_future_changes(kind: type[LanguageModel], t: int) -> None:
    net, tokens = decoder(kind), ids(2, T)
    other = torch.cat([tokens[:, : t + 1], (tokens[:, t + 1 :] + 1) % V], dim=1)
    exactly(net(other)[:, : t + 1], net(tokens)[:, : t + 1])


@every_decoder
def test_every_position_has_a_gradient_from_all_its_past(kind: type[LanguageModel]) -> None:
    assert reach(decoder(kind)).tril().sum() == T * (T + 1) / 2


@every_decoder
def test_same_token_differs_between_positions(kind: type[LanguageModel]) -> None:
    """Without positions one layer could not tell the second b of "a b a b" from the first."""
    hidden = decoder(kind, depth=1).hidden(torch.tensor([[3, 5, 3, 5]]))
    assert (hidden[0, 1] - hidden[0, 3]).abs().max() > 1e-3


@every_decoder
def test_order_of_the_past_matters(kind: type[LanguageModel]) -> None:
    """Without positions one layer would see the past as a set."""
    hidden = decoder(kind, depth=1).hidden(torch.tensor([[3, 5, 7], [5, 3, 7]]))
    assert (hidden[0, 2] - hidden[1, 2]).abs().max() > 1e-3


@every_decoder
@pytest.mark.parametrize("length", [1, 2, T - 1])
def test_shorter_sequence_gets_the_logits_of_a_full_contexts_beginning(
    kind: type[LanguageModel], length: int
) -> None:
    net, tokens = decoder(kind), ids(2, T)
    exactly(net(tokens[:, :length]), net(tokens)[:, :length])


@every_decoder
def test_rows_of_a_batch_do_not_mix(kind: type[LanguageModel]) -> None:
    net, tokens = decoder(kind), ids(3, T)
    exactly(net(tokens), torch.cat([net(row[None]) for row in tokens]))


@every_decoder
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("chunk", [1, 5, 3 * T, 128])
def test_loss_in_chunks_equals_cross_entropy_of_the_logits(
    kind: type[LanguageModel], bias: bool, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_chunks = nn.LinearCrossEntropyOptions(chunking_method=None, batch_chunk_size=chunk)
    monkeypatch.setattr(softmax, "IN_CHUNKS", in_chunks)
    net, tokens, targets = decoder(kind), ids(3, T), ids(3, T).flip(1)
    net.head = Softmax(C, V, bias=bias, dtype=torch.float64)
    parameters = list(net.parameters())

    expected = F.cross_entropy(net(tokens).flatten(0, 1), targets.flatten())
    loss = net.loss(tokens, targets)

    exactly(loss, expected)
    exactly(torch.autograd.grad(loss, parameters), torch.autograd.grad(expected, parameters))


def test_gpt_starts_at_the_loss_of_a_uniform_guess() -> None:
    net = GPT(vocabulary_size=V, context=T, depth=2)
    assert net.loss(ids(3, T), ids(3, T)).item() == pytest.approx(log(V), rel=1e-6)


def test_default_initialisation_starts_a_sixth_above_a_uniform_guess() -> None:
    """A logit is w·h + b with |h|² = C (normed) and Var w = 1/(3C), so its variance is 1/3 (b's
    1/(3C) left out); the mean of exp(logit) over a large vocabulary is then e^(1/6).

    The target's own logit is zero on average; the tolerance leaves room for that of 1,024 targets.
    """
    size = 4096
    torch.manual_seed(0)
    net = TransformerDecoder(vocabulary_size=size, context=64, width=64, depth=1)
    tokens, targets = torch.randint(size, (2, 16, 64))
    assert net.loss(tokens, targets).item() == pytest.approx(log(size) + 1 / 6, abs=0.04)


def test_gpt_blocks_start_as_the_identity() -> None:
    net = GPT(vocabulary_size=V, context=T, depth=2)
    embedded = net.token_embedding(ids(2, T))
    torch.testing.assert_close(net.hidden(ids(2, T)), rms_norm(rms_norm(embedded)))


@pytest.mark.parametrize(("depth", "width"), [(1, 32), (2, 64), (3, 96)])
def test_gpt_width_is_32_for_each_block(depth: int, width: int) -> None:
    net = GPT(vocabulary_size=V, context=T, depth=depth)
    assert net.hidden(ids(2, T)).shape == (2, T, width)


def test_gpt_takes_another_width() -> None:
    net = GPT(vocabulary_size=V, context=T, depth=1, width=96)
    assert net.hidden(ids(2, T)).shape == (2, T, 96)


@pytest.mark.parametrize("width", [40, 16, 0])
def test_gpt_refuses_a_width_that_does_not_divide_into_heads(width: int) -> None:
    with pytest.raises(ValueError, match=f"width must be a positive multiple of 32, got {width}"):
        GPT(vocabulary_size=V, context=T, width=width)


@pytest.mark.parametrize("heads", [1, 3])
def test_gpt_attention_equals_softmax_attention_in_heads_of_32(heads: int) -> None:
    attention, rotary = gpt.Attention(32 * heads).double(), Rotary(T).double()
    randomise(attention)
    x = torch.randn(2, T, 32 * heads, dtype=torch.float64)

    query, key, value = attention.query_key_value(x).chunk(3, dim=-1)
    mixed = []
    for head in range(heads):
        q, k, v = (part[..., 32 * head : 32 * (head + 1)] for part in (query, key, value))
        q, k = rotary(F.normalize(q, dim=-1)), rotary(F.normalize(k, dim=-1))
        # Normalised to a length of √32 each, then divided by √32.
        scores = sqrt(32) * q @ k.transpose(1, 2)
        future = torch.ones(T, T).triu(diagonal=1).bool()
        mixed.append(scores.masked_fill(future, -torch.inf).softmax(dim=-1) @ v)
    expected = attention.project(torch.cat(mixed, dim=-1))

    torch.testing.assert_close(attention(x, rotary), expected)


@pytest.mark.parametrize("length", [1, 7, gpt.LONGEST_PLAIN])
def test_gpt_attends_in_bfloat16_as_torch_does_in_single_precision(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = [torch.randn(2, 3, length, 32, requires_grad=True) for _ in range(3)]
    rounded = [x.detach().bfloat16().requires_grad_() for x in exact]
    expected = F.scaled_dot_product_attention(*exact, is_causal=True)
    monkeypatch.delattr(F, "scaled_dot_product_attention")
    with torch.autocast("cpu", torch.bfloat16):
        mixed = gpt.causal_attention(*rounded)
    assert mixed.dtype == torch.bfloat16
    outward = torch.randn_like(expected)
    expected.backward(outward)
    mixed.backward(outward.bfloat16())
    torch.testing.assert_close(mixed.float(), expected, rtol=0.03, atol=0.03)
    for x, y in zip(exact, rounded, strict=True):
        assert x.grad is not None
        assert y.grad is not None
        torch.testing.assert_close(y.grad.float(), x.grad, rtol=0.03, atol=0.03)


def test_gpt_leaves_longer_sequences_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*parts: Tensor, is_causal: bool) -> Tensor:
        raise NotImplementedError

    monkeypatch.setattr(F, "scaled_dot_product_attention", fails)
    with pytest.raises(NotImplementedError):
        gpt.causal_attention(*torch.randn(3, 1, 1, gpt.LONGEST_PLAIN + 1, 32).bfloat16())


def test_gpt_feed_forward_squares_its_relu() -> None:
    feed_forward = gpt.FeedForward(32)
    randomise(feed_forward)
    x = torch.randn(2, T, 32)
    raised = (x @ feed_forward.expand.weight.T).clamp(min=0) ** 2
    torch.testing.assert_close(feed_forward(x), raised @ feed_forward.project.weight.T)


def test_rms_norm_divides_by_the_root_mean_square() -> None:
    x = torch.tensor([[3.0, -4.0], [6.0, 8.0]])
    expected = torch.tensor([[3.0, -4.0], [3.0, 4.0]]) / sqrt(12.5)
    torch.testing.assert_close(rms_norm(x), expected)


def test_rotated_query_and_key_meet_only_through_their_distance() -> None:
    query, key = torch.randn(2, 1, 1, 1, 32, dtype=torch.float64).expand(2, 1, 1, T, 32)
    rotary = Rotary(T)
    products = (rotary(query) @ rotary(key).transpose(-2, -1))[0, 0]  # (T, T)
    for distance in range(-T + 1, T):
        diagonal = products.diagonal(distance)
        # The angles are of single precision.
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-5)
    assert products[0].unique().numel() == T


def test_rotary_multiplies_channel_pairs_by_complex_phases() -> None:
    x = torch.randn(2, 3, T, 32)
    frequencies = 10_000.0 ** (-torch.arange(16) / 16)
    angles = torch.arange(T)[:, None] * frequencies
    turned = torch.complex(x[..., :16], x[..., 16:]) * torch.polar(torch.ones(T, 16), angles)
    torch.testing.assert_close(Rotary(T)(x), torch.cat([turned.real, turned.imag], dim=-1))


@pytest.mark.parametrize("heads", [0, 3])
def test_width_that_heads_cannot_share_is_refused(heads: int) -> None:
    with pytest.raises(ValueError, match=f"width=64 cannot be shared among heads={heads}"):
        TransformerDecoder(vocabulary_size=5, context=4, heads=heads)


@pytest.mark.parametrize("kind", [GPT, TransformerDecoder])
def test_decoder_drops_out_only_in_training(
    kind: type[GPT | TransformerDecoder],
) -> None:
    net = kind(vocabulary_size=V, context=T, width=C, depth=1, dropout=0.5)
    randomise(net)
    tokens = ids(2, T)
    assert not net(tokens).equal(net(tokens))
    net.eval()
    assert net(tokens).equal(net(tokens))


@pytest.mark.parametrize("silent", ["attention", "feed_forward"])
def test_gpt_drops_values_that_each_branch_adds_and_raises_the_others(silent: str) -> None:
    block, rotary = gpt.Block(C, dropout=0.5).double(), Rotary(T)
    randomise(block)
    nn.init.zeros_(block.get_submodule(silent).get_submodule("project").get_parameter("weight"))
    x = torch.randn(2, T, C, dtype=torch.float64)
    added = block(x, rotary) - x
    whole = block.eval()(x, rotary) - x
    kept = added != 0
    assert 0.4 < kept.double().mean() < 0.6
    torch.testing.assert_close(added[kept], 2 * whole[kept])


@every_decoder
def test_decoder_without_a_block_is_refused(kind: type[LanguageModel]) -> None:
    with pytest.raises(ValueError, match=r"^depth=0: expected 1 "):
        decoder(kind, depth=0)


def test_width_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="width=0 cannot be shared among heads=4"):
        TransformerDecoder(vocabulary_size=V, context=T, width=0)
