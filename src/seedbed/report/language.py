"""What a language model learnt: where it errs, what it looks at, which characters are alike.

Characters that no font has are drawn as their code points, never as boxes.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from seedbed.record.files import read_samples
from seedbed.report.comparison import figure as written
from seedbed.report.picture import Picture
from seedbed.report.ranking import BINS, calibrated
from seedbed.report.style import COLOURS, GREY, INK, grid, sheet, text
from seedbed.report.view import View

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

MOST_TOKENS = 2048
"""Tokens of validation that are looked at, the first ones."""

SPANS = 8
"""Parts of a window over which the loss is averaged."""

LONGEST_LINE = 16
"""Characters of a text whose attention is drawn, or `example` of the DataModule's own."""

MOST_HEADS = 16

CHARACTERS, NEIGHBOURS = 12, 8
"""How many characters' nearest are shown, unless the DataModule's `shown` names some; how many."""

LONGEST = 30
"""Characters of a sample's line that the page has room for."""

LAST_SAMPLES = 8
"""Samples on the page: the first, the last, and those between evenly."""


# --- the next token -------------------------------------------------------------------------------


def draw_next(view: View) -> Iterator[Picture]:
    """The picture `next`: the loss by the position in a window, and the probabilities' worth."""
    losses, said, hits, rows = next_tokens(view)
    length = losses.shape[1]
    figure, [positions, calibration] = grid(1, 2, cell=(2.9, 2.6), gap=(0.75, 0), left=0.7)
    edges = np.unique(np.linspace(0, length, min(SPANS, length) + 1).astype(int))
    spans = [*pairwise(edges.tolist())]
    means = [float(losses[:, a:b].mean()) for a, b in spans]
    middles = [(a + b + 1) / 2 for a, b in spans]
    positions.plot(middles, means, "o-", color=COLOURS[0], markersize=4)
    positions.axhline(losses.mean(), linestyle="--", color=GREY, label=f"mean {losses.mean():.3f}")
    positions.set(xlabel="position in the window", ylabel="loss in nats")
    positions.legend(loc="best")
    bins, seen, shares = calibrated(said.ravel(), hits.ravel())
    error = float((shares * abs(bins - seen)).sum())
    calibration.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1)
    calibration.bar(bins, shares, width=0.04, color=COLOURS[4], label="share of tokens")
    calibration.plot(bins, seen, "o-", color=COLOURS[0], markersize=4, label=f"error {error:.3f}")
    calibration.set(xlabel="probability of the likeliest", ylabel="share that came")
    calibration.set_ylim(-0.03, 1.03)
    calibration.legend(loc="upper left")
    alt = (
        f"On {rows}: loss {means[0]:.3f} over the first {edges[1]} positions of a window, "
        f"{means[-1]:.3f} over the last; the likeliest token has {said.mean():.1%} on average and "
        f"comes {hits.mean():.1%} of the time, calibration error {error:.3f} in {BINS} bins."
    )
    yield Picture("next", f"Next token, {rows}", alt, figure)


def next_tokens(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """What the net says of the first whole windows of validation.

    Returns:
        The loss of each target, the probability of the likeliest token, and whether it came, each
        (windows, T); and which tokens these are.
    """
    found: list[tuple[Tensor, ...]] = []
    count = 0
    for inputs, targets in view.datamodule.val_dataloader():
        for window, wanted in zip(inputs, targets, strict=True):
            if count >= MOST_TOKENS or (count and bool((wanted < 0).any())):
                break
            chances = view.outputs(window[None])[0].log_softmax(dim=-1)  # (T, V)
            best, likeliest = chances.max(dim=-1)
            loss = -chances.gather(1, wanted.clamp(min=0)[:, None])[:, 0]
            found.append((loss, best.exp(), (likeliest == wanted).float()))
            count += len(window)
        if count >= MOST_TOKENS:
            break
    losses, said, hits = (
        np.stack([np.asarray(one) for one in c]) for c in zip(*found, strict=True)
    )
    return losses, said, hits, f"the first {losses.size:,} tokens of validation"


# --- attention ------------------------------------------------------------------------------------


def draw_attention(view: View) -> Iterator[Picture]:
    """The picture `attention`: who looks at whom in one line, by head, of nets that have it."""
    import torch

    if not hasattr(view.net, "attention"):
        return
    line = shown_line(view)
    tokens = torch.from_numpy(view.datamodule.vocabulary.encode(line).astype(np.int64))[None]
    with view.evaluating() as net:
        weights = net.attention(tokens.to(next(net.parameters()).device)).float().cpu()
    layers, heads = weights.shape[:2]  # (layers, heads, T, T)
    layers = min(layers, max(1, MOST_HEADS // heads))
    figure = _draw_heads(weights[:layers].numpy(), [text(character) for character in line])
    own = float(torch.diagonal(weights, dim1=2, dim2=3).mean())
    alt = (
        f"Attention within {line!r}, of {layers} layers of {heads} heads: a character gives itself "
        f"{own:.0%} on average."
    )
    yield Picture("attention", "Attention by head", alt, figure)


def _draw_heads(weights: np.ndarray, characters: Sequence[str]) -> "Figure":
    """All heads (layers, heads, T, T) in one image: an axis for each takes much longer."""
    from seedbed.report.lettering import write

    layers, heads, T, _ = weights.shape
    cell = min(2.0, max(1.5, 8.0 / heads)) / T  # inches
    right, down = T + 1, T + round(max(2.0, 0.28 / cell))  # from a head to the next, in cells
    across, below = heads * right - 1, layers * down - (down - T)
    size = (across * cell, below * cell)
    figure, [axes] = grid(1, 1, cell=size, gap=(0, 0), left=0.3, bottom=0.6)
    sheet = np.full((below, across), np.nan)
    corners = [(row * down, column * right) for row in range(layers) for column in range(heads)]
    for (top, left), head in zip(corners, weights.reshape(-1, T, T), strict=True):
        sheet[top : top + T, left : left + T] = head**0.5
        name = f"layer {top // down + 1}, head {left // right + 1}"
        write(axes, left, top - 0.1, name, ha="left", va="bottom", fontsize=8)
    axes.pcolormesh(sheet, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlim=(0, across), ylim=(below, 0))
    axes.set_axis_off()
    tops, lefts = np.array(corners).T
    frame: Any = {"color": "#777777", "linewidth": 0.8, "clip_on": False}
    axes.vlines(lefts, tops, tops + T, **frame)
    axes.hlines(tops + T, lefts, lefts + T, **frame)
    small = min(9, 54 * cell + 2)
    for number, character in enumerate(characters):  # at the left and below, for all
        for left in range(0, across, right):
            write(axes, left + number + 0.5, below + 0.2, character, va="top", fontsize=small)
        for top in range(0, below, down):
            write(axes, -0.7, top + number + 0.5, character, fontsize=small)
    figure.text(0.5, 0.02, "looked at (across) by each character (down)", ha="center", fontsize=9)
    return figure


def shown_line(view: View) -> str:
    """The text whose attention is drawn: the DataModule's `example`, or a line of validation."""
    data = view.datamodule
    example = str(getattr(data, "example", ""))
    if example and data.vocabulary.lacks(example) is None:
        return example
    start: str = data.vocabulary.decode(data.splits.val[:4096])
    whole = start.split("\n")[1:-1]
    fitting = [line for line in whole if LONGEST_LINE // 2 <= len(line) <= LONGEST_LINE]
    return next(iter(fitting), start[:LONGEST_LINE].replace("\n", " "))


# --- characters -----------------------------------------------------------------------------------


def draw_neighbours(view: View) -> Iterator[Picture]:
    """The picture `neighbours`: characters whose vectors point the same way, and the cosine."""
    from seedbed.report.lettering import write

    if not hasattr(view.net, "token_embedding"):
        return
    vectors = view.net.token_embedding.weight.detach().float().cpu()
    near = neighbours(vectors, chosen(view), _common(view))
    vocabulary = view.datamodule.vocabulary
    if not near:
        return
    names = {token: vocabulary.decode([token]) for token in near}
    figure, axes = sheet(0.27 * len(near), xlim=(-1.2, NEIGHBOURS), ylim=(len(near) - 0.5, -0.5))
    for row, (token, others) in enumerate(near.items()):
        write(axes, -0.6, row, text(names[token]), fontsize=13)
        for column, (other, cosine) in enumerate(others):
            label = text(vocabulary.decode([other]))
            size = 12 if len(label) == 1 else 7  # a code point
            write(axes, column + 0.3, row, label, fontsize=size)
            shade = GREY if cosine < 0.3 else INK
            write(axes, column + 0.52, row, f"{cosine:.2f}", ha="left", fontsize=7, color=shade)
    lines = [
        f"{names[token]}: {' '.join(vocabulary.decode([other]) for other, _ in others[:3])}"
        for token, others in near.items()
    ]
    alt = f"The characters with the nearest vectors, by cosine; {'; '.join(lines)}."
    yield Picture("neighbours", "Nearest characters", alt, figure)


def _common(view: View) -> "Tensor":
    """The ids of the commoner half of what occurs in training, the commonest first."""
    import torch

    counts: Tensor = view.datamodule.counts
    order = counts.argsort(descending=True, stable=True)
    return order[: max(CHARACTERS, int(torch.count_nonzero(counts)) // 2)]


def chosen(view: View) -> list[int]:
    """The tokens shown: of the DataModule's `shown` those there are, or the commonest letters."""
    vocabulary = view.datamodule.vocabulary
    wanted = [c for c in getattr(view.datamodule, "shown", "") if c in vocabulary]
    if wanted:
        return [int(token) for token in vocabulary.encode("".join(wanted))]
    order = view.datamodule.counts.argsort(descending=True, stable=True)
    letters = (int(token) for token in order if vocabulary.decode([token]).isalpha())
    return [*islice(letters, CHARACTERS)]


def neighbours(
    vectors: "Tensor", tokens: Sequence[int], among: "Tensor"
) -> dict[int, list[tuple[int, float]]]:
    """For each token the nearest of others, by the cosine of their vectors (V, C): ids and that."""
    from torch.nn import functional as F

    units = F.normalize(vectors, dim=1)
    cosines = units[[*tokens]] @ units[among].T  # (tokens, among)
    found: dict[int, list[tuple[int, float]]] = {}
    for token, row in zip(tokens, cosines, strict=True):
        nearest = [int(place) for place in row.argsort(descending=True)[: NEIGHBOURS + 1]]
        pairs = [(int(among[place]), float(row[place])) for place in nearest]
        found[token] = [pair for pair in pairs if pair[0] != token][:NEIGHBOURS]
    return found


# --- samples --------------------------------------------------------------------------------------


def draw_samples(view: View) -> Iterator[Picture]:
    """The picture `samples`: what was written at validations, from the first to the last."""
    samples = read_samples(view.run.path)
    if not samples:
        return
    places = sorted({round(n) for n in np.linspace(0, len(samples) - 1, LAST_SAMPLES)})
    steps = [*samples]
    shown = {steps[place]: _lines(samples[steps[place]]) for place in places}
    losses: dict[float, Any] = dict(view.run.curve("val/loss", "step"))
    heights = [0.24 * max(len(lines), 2) + 0.12 for lines in shown.values()]
    figure, axes = sheet(sum(heights), xlim=(0, 1), ylim=(sum(heights), 0))
    top = 0.0
    for height, (step, lines) in zip(heights, shown.items(), strict=True):
        loss = f"\nloss {losses[step]:.3f}" if step in losses else ""
        axes.text(0, top + 0.05, f"step {step:,}{loss}", va="top", fontsize=9, color="#666666")
        axes.text(0.2, top + 0.05, "\n".join(lines), va="top", fontsize=11, linespacing=1.35)
        top += height
        axes.axhline(top - 0.02, color="#e4e4e4", linewidth=0.7)
    last = " / ".join(shown[steps[places[-1]]])
    ends = written(losses.get(steps[places[-1]]))
    alt = f"Samples at {len(shown)} validations; the last, at a loss of {ends}: {last}"
    yield Picture("samples", "Samples through training", alt, figure)


def _lines(sample: str) -> list[str]:
    """A sample's first lines, cut to the page."""
    return [text(line[:LONGEST]) for line in sample.strip().split("\n") if line.strip()][:5] or [""]
