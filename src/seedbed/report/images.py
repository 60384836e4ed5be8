"""What a classifier of images got most wrong, and what its first layer looks for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seedbed.report.picture import Picture
from seedbed.report.style import grid, text
from seedbed.report.view import View

if TYPE_CHECKING:
    from torch import Tensor

ROWS, COLUMNS = 3, 6
"""Of the worst errors."""

MOST_FILTERS = 36


def draw_images(view: View) -> Iterator[Picture]:
    """The pictures `worst` and `filters`, where rows are images of one or three channels."""
    inputs = view.examples.inputs
    if inputs.ndim != 4 or inputs.shape[1] not in (1, 3):
        return
    yield _draw_worst(view)
    if (filters := first_filters(view.net, [*inputs.shape[1:]])) is not None:
        yield _draw_filters(filters)


def _draw_worst(view: View) -> Picture:
    """The images whose own class got the least probability."""
    from seedbed.report.lettering import write

    own = view.probabilities.gather(1, view.classes[:, None])[:, 0]  # (N,)
    worst = own.argsort()[: ROWS * COLUMNS].tolist()
    labels = view.labels
    height, width = view.examples.inputs.shape[2:]
    across = 1.12 * width  # of a picture and the gap beside it
    side = 6.5 / (1.12 * COLUMNS) * height / width  # inches
    figure, [axes] = grid(
        1, 1, cell=(6.5, ROWS * (side + 0.42)), gap=(0, 0), left=0.1, top=0.05, bottom=0.05
    )
    axes.set_axis_off()
    down = height * (side + 0.42) / side  # one picture for all: an axis for each takes longer
    for number, row in enumerate(worst):
        image = view.examples.inputs[row].float().movedim(0, -1).numpy()
        low, high = image.min(), image.max()
        left, top = number % COLUMNS * across, number // COLUMNS * down
        axes.imshow(
            ((image - low) / (high - low or 1)).squeeze(),
            cmap="gray",
            extent=(left, left + width, top + height, top),
        )
        true, taken = int(view.classes[row]), int(view.probabilities[row].argmax())
        names = [true] if true == taken else [true, taken]
        chances = [f"{labels[n][:9]}: {float(view.probabilities[row, n]):.1%}" for n in names]
        words = text(chances[0]) + "".join(f"\n{text(other)}" for other in chances[1:])
        write(axes, left + width / 2, top - 0.03 * height, words, va="bottom", fontsize=8)
    axes.set_xlim(0, COLUMNS * across)
    axes.set_ylim(ROWS * down - 0.4 * height / side, -0.4 * height / side)
    errors = int((view.probabilities.argmax(1) != view.classes).sum())
    alt = (
        f"The {len(worst)} images of {view.examples.rows} whose own class got the least "
        f"probability, with that and what they were taken for; {errors:,} of {len(own):,} are "
        "wrong."
    )
    return Picture("worst", f"Worst errors, {view.examples.rows}", alt, figure)


def first_filters(net: Any, shape: list[int]) -> "Tensor | None":
    """The weights of the first layer as images (filters, channels, height, width).

    Of a linear layer over all pixels they are laid out as these; None where neither comes first.
    """
    from math import prod

    from torch import nn

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            return module.weight.detach().float().cpu()
        if isinstance(module, nn.Linear):
            weight = module.weight.detach().float().cpu()
            return weight.view(-1, *shape) if weight.shape[1] == prod(shape) else None
    return None


def _draw_filters(filters: "Tensor") -> Picture:
    """The largest filters in one image, each on its own scale, zero white."""
    count = len(filters)
    norms = filters.flatten(1).norm(dim=1)
    shown = filters[norms.argsort(descending=True)[:MOST_FILTERS]]
    if shown.shape[1] not in (1, 3):
        shown = shown.mean(1, keepdim=True)
    colours = shown.shape[1] == 3
    shown = shown / shown.flatten(1).abs().amax(1).clamp(min=1e-12)[:, None, None, None]
    columns = 12 if len(shown) > 12 else len(shown)
    rows = -(-len(shown) // columns)
    height, width = shown.shape[2:]
    sheet = np.full((rows * (height + 1), columns * (width + 1), shown.shape[1]), np.nan)
    for number, image in enumerate(shown):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = image.movedim(0, -1).numpy()
    side = 6.5
    figure, [axes] = grid(
        1, 1, cell=(side, side * rows / columns), gap=(0, 0), left=0.15, top=0.1, bottom=0.1
    )
    if colours:
        axes.imshow(np.nan_to_num((sheet + 1) / 2, nan=1.0), interpolation="nearest")
    else:
        axes.imshow(sheet[..., 0], cmap="RdBu", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    alt = (
        f"The {len(shown)} largest of {count:,} filters of the first layer, {height} × {width} "
        "pixels each, on a scale of its own: blue for more, red for less."
    )
    return Picture("filters", "Filters of the first layer", alt, figure)
