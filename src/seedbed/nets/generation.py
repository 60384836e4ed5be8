"""Text from a language model, token by token.

The texts of a batch stand side by side from their first token, so all share one position and one
cache, without padding or masks: a text whose prompt is longer is still being read while others are
being written. Trade-off: short prompts beside a long one take the long one's steps.

Once a text outgrows the context, the window slides with each token, every position changes, and
the cache is no longer valid; from there on the window is computed anew each time.
"""

from collections.abc import Iterator, Sequence
from typing import TypedDict, Unpack

import torch
from torch import Tensor

from seedbed.nets.language_model import Cache, LanguageModel
from seedbed.nets.softmax import Head, drawn


class Sampling(TypedDict, total=False):
    """How a token is drawn from the model's distribution; as it is, where nothing else is said."""

    temperature: float
    """Divides the logits; 1 samples the model's own distribution, 0 takes the likeliest token."""
    top_k: int | None
    """Draw from this many likeliest tokens only."""
    top_p: float | None
    """Draw from the likeliest tokens that together have at least this probability (nucleus
    sampling, Holtzman et al. 2020)."""


def generate(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    length: int,
    *,
    end: int | None = None,
    generator: torch.Generator | None = None,
    **sampling: Unpack[Sampling],
) -> list[list[int]]:
    """Return what `stream` yields: the new tokens of each text."""
    texts: list[list[int]] = [[] for _ in prompts]
    for step in stream(model, prompts, length, end=end, generator=generator, **sampling):
        for text, token in zip(texts, step, strict=True):
            if token is not None:
                text.append(token)
    return texts


@torch.inference_mode()
def stream(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    length: int,
    *,
    end: int | None = None,
    generator: torch.Generator | None = None,
    **sampling: Unpack[Sampling],
) -> Iterator[list[int | None]]:
    """Continue each prompt; yield at each step every text's new token.

    None stands for a text that is still in its prompt, or has ended.

    Args:
        model: The model, in evaluation mode; only the last `context` tokens are seen.
        prompts: Ids to continue, at least one a text.
        length: The most new tokens a text.
        end: A text ends with this id.
        generator: Source of randomness; torch's global one where None.
        sampling: How a token is drawn.
    """
    common = min(map(len, prompts))
    device = next(model.parameters()).device
    tokens = torch.tensor([[*prompt[:common]] for prompt in prompts], device=device)  # (B, T)
    left = [max(length, 0)] * len(prompts)
    cache = Cache(min(model.context, max(map(len, prompts)) + length))
    while any(left):
        hidden = _last_hidden(model, tokens, cache)  # (B, C)
        new = _draw(model.head, hidden, generator, **sampling)
        step: list[int | None] = []
        for row, (prompt, token) in enumerate(zip(prompts, new.tolist(), strict=True)):
            if tokens.shape[1] < len(prompt):
                new[row] = prompt[tokens.shape[1]]
                step.append(None)
            elif left[row]:
                left[row] = 0 if token == end else left[row] - 1
                step.append(token)
            else:
                step.append(None)
        yield step
        tokens = torch.cat([tokens, new[:, None]], dim=1)


def _last_hidden(model: LanguageModel, tokens: Tensor, cache: Cache) -> Tensor:
    """The hidden state (B, C) of the last of `tokens` (B, T), of which the cache has had some."""
    if model.caches and tokens.shape[1] <= model.context:
        return model.hidden(tokens[:, cache.length :], cache)[:, -1]
    return model.hidden(tokens[:, -model.context :])[:, -1]


def _draw(
    head: Head,
    hidden: Tensor,
    generator: torch.Generator | None,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """A token (B,) for each state (B, C)."""
    if temperature == 1 and top_k is None and top_p is None:
        return head.draw(hidden, generator)
    logits = head(hidden).float()  # (B, V)
    if temperature < torch.finfo(logits.dtype).tiny:  # 0, and what would divide by it
        return logits.argmax(dim=-1)
    logits = logits / temperature
    if top_k is not None:
        least = logits.topk(min(top_k, logits.shape[1])).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    probabilities = logits.softmax(dim=-1)
    if top_p is not None:
        falling, order = probabilities.sort(descending=True)
        beyond = falling.cumsum(dim=-1) - falling >= top_p  # the tokens before have enough
        beyond[:, 0] = False
        probabilities = probabilities.masked_fill(beyond.gather(-1, order.argsort()), 0.0)
    return drawn(probabilities, generator)
