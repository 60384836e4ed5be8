"""What went on in each layer: its gradient, how far a step moved it, and what came out of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from seedbed.report.picture import Picture
from seedbed.report.scales import finite, set_log, spans
from seedbed.report.style import panels, text
from seedbed.report.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MEASURES = {
    "gradient": "gradient\nnorm",
    "update": "update to\nweight",
    "activation": "output\nRMS",
}
"""What `layers.csv` has of each layer, and what the axes are called."""

NAMED = 10
"""Layers up to which each has its name."""

Curves = dict[str, list[tuple[float, float]]]


def draw_layers(view: View) -> Iterator[Picture]:
    """The picture `layers`, of what `layers.csv` holds; none where layers were not looked at."""
    log = view.run.table("layers.csv")
    found: dict[str, Curves] = {}
    for column, values in log.items():
        measure, _, layer = column.removeprefix("layers/").partition("/")
        points = [(x, y) for x, y in zip(log["step"], values, strict=True) if x is not None and y]
        if measure in MEASURES and len(points) > 1:
            found.setdefault(measure, {})[layer] = points
    if not found:
        return
    shown = [measure for measure in MEASURES if measure in found]
    figure, axes = panels([1.7] * len(shown))
    for below, measure in zip(axes, shown, strict=True):
        _draw(below, found[measure])
        below.set_ylabel(MEASURES[measure])
    axes[-1].set_xlabel("training step")
    layers = [*found[shown[0]]]
    if len(layers) <= NAMED:
        axes[0].legend(loc="upper right", fontsize=8, ncols=2)
    ends = {layer: lines[-1][1] for layer, lines in found[shown[0]].items()}
    least, most = min(ends, key=ends.__getitem__), max(ends, key=ends.__getitem__)
    alt = (
        f"The {' and the '.join(shown)} of {len(layers)} layers, the first dark, over training; at "
        f"the end the {shown[0]} is {ends[least]:.3g} at the least, of {least}, and "
        f"{ends[most]:.3g} at the most, of {most}."
    )
    yield Picture("layers", "In each layer", alt, figure)


def _draw(axes: "Axes", lines: Curves) -> None:
    """A line a layer, lighter the deeper it is."""
    from matplotlib import colormaps

    for number, (layer, points) in enumerate(lines.items()):
        colour = colormaps["viridis"](0.85 * number / max(len(lines) - 1, 1))
        axes.plot(*zip(*points, strict=True), ".-", color=colour, linewidth=1.1, markersize=3)
        axes.lines[-1].set_label(text(layer))
    values = finite(y for points in lines.values() for _, y in points)
    if spans(values, 20):
        set_log(axes, "y", min(values) / 1.3, max(values) * 1.3)
