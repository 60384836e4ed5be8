"""What a classifier of two inputs decides where: its probability as a surface, under the points."""

from collections.abc import Iterator

import numpy as np

from seedbed.report.picture import Picture
from seedbed.report.style import COLOURS, INK, panels, text
from seedbed.report.view import View

PLACES = 101
"""Places a side where the probability is computed."""

MOST_DOTS = 2000


def draw_surface(view: View) -> Iterator[Picture]:
    """The picture `surface`, where rows are two numbers."""
    import torch

    inputs = view.examples.inputs
    if inputs.shape[1:] != (2,):
        return
    low, high = inputs.amin(0), inputs.amax(0)
    sides = [torch.linspace(float(a), float(b), PLACES) for a, b in zip(low, high, strict=True)]
    places = torch.cartesian_prod(sides[1], sides[0]).flip(1)  # (places, 2), row by row
    chances = view.outputs(places).flatten().sigmoid().reshape(PLACES, PLACES).numpy()
    truth = view.truth(places)
    scale = [*getattr(getattr(view.datamodule, "splits", None), "scale", {}).items()]
    scale = scale if len(scale) == 2 else [("input 1", (0, 1)), ("input 2", (0, 1))]
    (x_name, (x_mean, x_unit)), (y_name, (y_mean, y_unit)) = scale
    x, y = x_mean + x_unit * sides[0].numpy(), y_mean + y_unit * sides[1].numpy()
    labels = view.labels
    figure, [axes] = panels([4.5])
    axes.grid(visible=False)
    filled = axes.contourf(x, y, chances, np.linspace(0, 1, 11), cmap="PuOr_r", alpha=0.55)
    axes.contour(x, y, chances, [0.5], colors=[INK], linewidths=1.6)
    axes.plot([], [], color=INK, linewidth=1.6, label="even odds")
    if truth is not None:
        rule = truth.reshape(PLACES, PLACES).numpy()
        axes.contour(x, y, rule, [0.5], colors=[INK], linewidths=1.2, linestyles="dashed")
        axes.plot([], [], "--", color=INK, linewidth=1.2, label="of the rule itself")
    dots = inputs[:MOST_DOTS]
    for number, (colour, marker) in enumerate(((COLOURS[0], "o"), ("#7f3b08", "^"))):
        rows = dots[view.classes[:MOST_DOTS] == number].numpy()
        axes.plot(
            x_mean + x_unit * rows[:, 0],
            y_mean + y_unit * rows[:, 1],
            marker,
            color=colour,
            markeredgecolor="white",
            markeredgewidth=0.4,
            markersize=5,
            label=text(labels[number]),
        )
    figure.colorbar(filled, ax=axes, label=text(f"probability of {labels[1]}"), pad=0.02)
    axes.set(xlabel=text(x_name), ylabel=text(y_name))
    axes.legend(loc="upper left")
    right = float((view.probabilities.argmax(1) == view.classes).float().mean())
    alt = (
        f"The probability of {labels[1]} over {x_name} and {y_name}, with the points of "
        f"{view.examples.rows}: {right:.1%} of them lie on their own side of even odds."
    )
    yield Picture("surface", f"Decision surface, {view.examples.rows}", alt, figure)
