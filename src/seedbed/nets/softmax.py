"""From hidden states to a distribution over the vocabulary: where a small model's time goes.

Either head gives the exact, normalised likelihood of every token, and training never holds all
logits. `Softmax` has a vector for each token. `AdaptiveSoftmax` (Grave et al. 2017) has one for
each common token; the others are gathered in clusters, each one more choice beside the common
tokens and then a smaller softmax of its own: a fraction of the work. Trade-off: rare tokens share a
few directions, and the tokens must be ordered by how common they are.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHUNK = 128
"""Positions whose logits are held at one time: few enough to stay in the processor's cache."""

IN_CHUNKS = nn.LinearCrossEntropyOptions(chunking_method=None, batch_chunk_size=CHUNK)


class Head(Protocol):
    """What a language model asks of its last layer, over hidden states (N, C)."""

    def __call__(self, hidden: Tensor) -> Tensor:
        """Logits (..., V) of hidden states (..., C)."""
        ...

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats of `targets` (N,)."""
        ...

    def measure(self, hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Each target's cross-entropy in nats, and whether it was the likeliest: two (N,)."""
        ...

    def draw(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A token (N,) for each state, as likely as the model has it."""
        ...


@contextmanager
def in_one_type(hidden: Tensor, weight: Tensor) -> Iterator[Tensor]:
    """The states in the type of the weights, without autocast: a loss in half has two digits."""
    states, device = hidden.to(weight.dtype), hidden.device.type
    # To enter autocast's context takes time, of each character that is drawn.
    enabled = torch.is_autocast_enabled(device)
    with torch.autocast(device, enabled=False) if enabled else nullcontext():
        yield states


def drawn(probabilities: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A choice (N,) for each row of probabilities (N, K), which need not add up to 1."""
    # One uniform number a row; torch.multinomial draws one for each of the K.
    sums = probabilities.float().cumsum(dim=-1)
    chosen = torch.rand(len(sums), 1, generator=generator, device=sums.device) * sums[:, -1:]
    return torch.searchsorted(sums, chosen, right=True)[:, 0]


class Softmax(nn.Linear):
    """The usual head: a linear layer, its loss computed a chunk of positions at a time."""

    in_single_precision = True

    def forward(self, hidden: Tensor) -> Tensor:
        """Logits (..., V)."""
        return super().forward(hidden.to(self.weight.dtype))

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy; exact in value and gradient whatever the chunk."""
        with in_one_type(hidden, self.weight) as states:
            return F.linear_cross_entropy(
                states, self.weight, targets, linear_bias=self.bias, options=IN_CHUNKS
            )

    def measure(self, hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of each target, and whether its logit is the highest."""
        losses, hits = [], []
        with in_one_type(hidden, self.weight) as states:
            for part, wanted in zip(
                torch.split(states, CHUNK), torch.split(targets, CHUNK), strict=True
            ):
                logits = self(part)  # (chunk, V)
                losses.append(F.cross_entropy(logits, wanted, reduction="none"))
                hits.append(logits.argmax(dim=-1) == wanted)
        return torch.cat(losses), torch.cat(hits)

    def draw(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A token for each state."""
        return drawn(self(hidden).softmax(dim=-1), generator)


class AdaptiveSoftmax(nn.Module):
    """A softmax over common tokens and clusters of rarer ones, then one within the cluster.

    A cluster's token vectors are half as long as those of the cluster before. All weights that
    give logits start at zero: every common token is as likely as any cluster.

    Args:
        width: Size of the hidden states, C.
        vocabulary_size: Number of tokens, V.
        cutoffs: Ranks at which the clusters begin.

    Raises:
        ValueError: If there are none, or they do not rise within the vocabulary.
    """

    in_single_precision = True
    ranks: Tensor
    tokens: Tensor

    def __init__(self, width: int, vocabulary_size: int, cutoffs: Sequence[int]) -> None:
        super().__init__()
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(width, vocabulary_size, cutoffs, div_value=2.0)
        nn.init.zeros_(self.softmax.head.weight)
        for cluster in self.softmax.tail:
            nn.init.zeros_(cast(nn.Linear, cast(nn.Sequential, cluster)[-1]).weight)
        self.register_buffer("ranks", torch.arange(vocabulary_size))
        self.register_buffer("tokens", torch.arange(vocabulary_size), persistent=False)  # by rank
        self.register_load_state_dict_post_hook(AdaptiveSoftmax._invert)  # type: ignore[no-untyped-call]

    def order_by(self, counts: Tensor) -> None:
        """Rank the tokens by how often each occurs (V,), before the first step."""
        self.ranks[counts.argsort(descending=True, stable=True)] = torch.arange(len(counts))
        self._invert()

    def forward(self, hidden: Tensor) -> Tensor:
        """Log-probabilities (..., V), which are logits that need no normalising."""
        with self._in_one_type(hidden) as states:
            ranked: Tensor = self.softmax.log_prob(states.flatten(0, -2))
        return ranked.index_select(1, self.ranks).view(*hidden.shape[:-1], -1)

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy."""
        with self._in_one_type(hidden) as states:
            loss: Tensor = self.softmax(states, self.ranks[targets]).loss
            # Torch passes over a cluster without a target. Asked of no state, it gives nothing, but
            # its weights get gradients, for which processes that train together wait.
            for cluster in self.softmax.tail:
                loss = loss + cluster(states[:0].detach()).sum()
        return loss

    def measure(self, hidden: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of each target, and whether it is the likeliest token."""
        wanted = self.ranks[targets]
        with self._in_one_type(hidden) as states:
            return -self.softmax(states, wanted).output, self.softmax.predict(states) == wanted

    def draw(self, hidden: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """A token for each state; a cluster's softmax is computed where the draw falls on it."""
        with self._in_one_type(hidden) as states:
            ranks = drawn(self.softmax.head(states).softmax(dim=-1), generator)
            clusters = ranks - self.softmax.cutoffs[0]
            for number, (cluster, start) in enumerate(
                zip(self.softmax.tail, self.softmax.cutoffs, strict=False)
            ):
                if len(rows := (clusters == number).nonzero()[:, 0]):
                    within = cluster(states[rows]).softmax(dim=-1)
                    ranks[rows] = start + drawn(within, generator)
        return self.tokens[ranks]

    def _invert(self, _: object = None) -> None:
        """Find the tokens by rank, also of ranks that were loaded."""
        self.tokens[self.ranks] = torch.arange(len(self.ranks), device=self.ranks.device)

    def _in_one_type(self, hidden: Tensor) -> AbstractContextManager[Tensor]:
        return in_one_type(hidden, self.softmax.head.weight)
