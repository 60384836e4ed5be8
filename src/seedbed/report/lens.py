"""What a decoder's vectors mean after each block: the next token, with the other blocks left out.

Each block adds to a stream of vectors, one a position, from which the head predicts the next token.
With the last blocks left out it reads the stream as it was before them (the "logit lens",
nostalgebraist 2020). It is drawn of nets whose `blocks` map the stream to the stream.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seedbed.report.language import shown_line
from seedbed.report.picture import Picture
from seedbed.report.style import GREY, INK, sheet, text
from seedbed.report.view import View

if TYPE_CHECKING:
    from torch import nn

LONGEST = 12
"""Characters of the line."""


def draw_lens(view: View) -> Iterator[Picture]:
    """The picture `lens`: under a line, the likeliest next characters after each block."""
    import torch
    from torch.nn import functional as F

    from seedbed.report.lettering import write

    blocks = getattr(view.net, "blocks", None)
    if not blocks:
        return
    vocabulary = view.datamodule.vocabulary
    line = shown_line(view)[: LONGEST + 1]
    tokens = torch.from_numpy(vocabulary.encode(line).astype("int64"))
    losses, rows = [], []
    for count in range(len(blocks) + 1):
        with _left_out(blocks[count:]):
            logits = view.outputs(tokens[None, :-1])[0]  # (T, V)
        losses.append(float(F.cross_entropy(logits, tokens[1:])))
        rows.append([vocabulary.decode([int(token)]) for token in logits.argmax(dim=-1)])
    plural = {1: ""}
    after = [f"{n} block{plural.get(n, 's')}: {loss:.2f}" for n, loss in enumerate(losses)]
    labels = ["the line", *after]
    down = len(labels)
    figure, axes = sheet(0.3 * down, xlim=(-3.2, len(line) - 0.5), ylim=(down - 0.5, -0.5))
    for row, (label, characters) in enumerate(zip(labels, [line, *rows], strict=True)):
        write(axes, -3.1, row, label, ha="left", fontsize=9)
        for column, character in enumerate(characters):
            came = bool(row) and character == line[column + 1]
            shade, size = INK if came or not row else GREY, 13 if row else 14
            shown = text(character.replace("\n", "⏎"))
            write(axes, column, row, shown, fontsize=size, color=shade)
    alt = (
        f"The likeliest next character at each place of {line!r}, dark where it came; the loss is "
        f"{losses[0]:.2f} with no block and {losses[-1]:.2f} with all {len(blocks)}."
    )
    yield Picture("lens", "The next character, after each block", alt, figure)


@contextmanager
def _left_out(blocks: "nn.ModuleList") -> Iterator[None]:
    """Have blocks hand on what they get."""
    handles = [
        block.register_forward_hook(lambda _block, entered, _left: entered[0]) for block in blocks
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
