"""The lesson's GPT: its size, its formulas, and what every decoder has to keep."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from made import executed, losses_of_a_loop, settings, training_losses
from torch import nn
from torch.nn import functional as F

from seedbed.nets.generation import generate
from seedbed.optim.initialisers import kaiming_normal
from studies.poems.gpt_tutorial import AttentionHead, Block, TutorialGPT

V, T, C = 13, 7, 64
exactly = partial(torch.testing.assert_close, rtol=1e-9, atol=1e-11)


def randomise(net: nn.Module) -> None:
    torch.manual_seed(0)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.2)


@pytest.fixture
def net() -> TutorialGPT:
    """Small, in double precision, and with no parameter at zero."""
    made = TutorialGPT(vocabulary_size=V, context=T, depth=2).double()
    randomise(made)
    return made


def test_tutorial_gpt_has_the_lessons_parameters() -> None:
    net = TutorialGPT(vocabulary_size=8548, context=256)
    assert sum(parameter.numel() for parameter in net.parameters()) == 1_318_372


def test_attention_equals_pytorchs_scaled_by_the_width_of_the_model() -> None:
    head = AttentionHead(C, 16, T).double()
    x = torch.randn(2, T, C, dtype=torch.float64)
    expected = F.scaled_dot_product_attention(
        head.query(x), head.key(x), head.value(x), is_causal=True, scale=C**-0.5
    )
    exactly(head(x), expected)


def test_block_adds_projected_heads_and_then_feed_forward() -> None:
    block = Block(C, 4, T)
    randomise(block)
    x = torch.randn(2, T, C)
    normed = block.attention_norm(x)
    after = x + block.project(torch.cat([head(normed) for head in block.heads], dim=-1))
    expand, _, shrink = block.feed_forward
    expected = after + shrink(F.relu(expand(block.feed_forward_norm(after))))
    torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("silent", ["project", "feed_forward.2"])
def test_block_drops_values_that_each_branch_adds_and_raises_the_others(silent: str) -> None:
    block = Block(C, 4, T, dropout=0.5).double()
    randomise(block)
    for parameter in block.get_submodule(silent).parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, T, C, dtype=torch.float64)
    added = block(x) - x
    whole = block.eval()(x) - x
    kept = added != 0
    assert 0.4 < kept.double().mean() < 0.6
    torch.testing.assert_close(added[kept], 2 * whole[kept])


@pytest.mark.parametrize("t", range(T - 1))
def test_logits_stay_when_the_future_changes(net: TutorialGPT, t: int) -> None:
    tokens = torch.randint(V, (2, T))
    other = torch.cat([tokens[:, : t + 1], (tokens[:, t + 1 :] + 1) % V], dim=1)
    exactly(net(other)[:, : t + 1], net(tokens)[:, : t + 1])


def test_text_is_the_same_as_from_a_model_that_sees_all_anew_each_time(net: TutorialGPT) -> None:
    prompts, seeded = [[1], [2, 3, 4], [0, 5]], torch.Generator
    found = generate(net, prompts, 30, generator=seeded().manual_seed(3))
    net.caches = False  # type: ignore[misc]
    assert generate(net, prompts, 30, generator=seeded().manual_seed(3)) == found


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"heads": 3}, {"width": 0}])
def test_size_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"expected 1|cannot be shared"):
        TutorialGPT(vocabulary_size=V, context=T, **wrong)


def test_every_matrix_is_reached_by_an_initialiser(net: TutorialGPT) -> None:
    before = {name: value.clone() for name, value in net.named_parameters()}
    kaiming_normal(net)
    kept = [name for name, value in net.named_parameters() if value.equal(before[name])]
    assert not [name for name in kept if before[name].ndim >= 2]


def test_it_learns_random_tokens_by_heart() -> None:
    """One of 13 tokens at chance is a loss of 2.56, so 0.1 is reached by memory alone."""
    torch.manual_seed(0)
    net = TutorialGPT(vocabulary_size=V, context=T, width=32, depth=2)
    batch = torch.randint(V, (4, T + 1))
    batch[:, 0] = torch.arange(4)  # tells the rows apart
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        loss = net.loss(batch[:, :-1], batch[:, 1:])
        loss.backward()
        optimizer.step()
    assert loss < 0.1


def test_run_has_the_losses_of_the_lessons_loop_on_the_same_batches(tmp_path: Path) -> None:
    choices = (
        *("experiment=poem_gpt_tutorial", "data=verse", "data.poems=200", "data.context=16"),
        *("data.windows=random", "callbacks=default", "max_steps=20", "val_check_interval=5"),
        *("+trainer.limit_val_batches=2", "logger=csv"),
    )
    expected = losses_of_a_loop(tmp_path, torch.optim.AdamW, *choices)
    run = executed(tmp_path / "run", *choices)
    np.testing.assert_allclose(training_losses(run), expected, rtol=1e-3)


def test_tutorial_gpt_has_the_lessons_numbers() -> None:
    config = settings("experiment=poem_gpt_tutorial")
    assert (config["seed"], config["max_steps"], config["val_check_interval"]) == (2024, 10000, 100)
    data, net, samples = config["data"], config["net"], config["callbacks"]["samples"]
    assert (data["batch_size"], data["context"], data["evaluation_batches"]) == (16, 256, 100)
    assert (net["width"], net["depth"], net["heads"], net["dropout"]) == (64, 4, 4, 0.0)
    assert (samples["length"], samples["temperature"]) == (100, 1.0)
