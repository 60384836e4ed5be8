"""What a regression learnt: the curve of a net of one input, or predictions against targets."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seedbed.report.comparison import figure as written
from seedbed.report.picture import Picture
from seedbed.report.style import COLOURS, INK, panels, text
from seedbed.report.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from torch import Tensor

MOST_DOTS = 2000
"""Of more rows, as many are drawn, evenly spaced over the part."""

PLACES = 200
"""Where a curve is computed."""

STEPS = 5
"""Curves of one fit, its first and its best among them."""


def draw_fit(view: View) -> Iterator[Picture]:
    """The picture `fit`: what is predicted above, what is left over below."""
    examples = view.examples
    if examples.outputs.shape != examples.targets.shape or examples.targets[0].numel() != 1:
        return
    mean, deviation = _target_scale(view)
    every = max(1, -(-len(examples.targets) // MOST_DOTS))
    targets, outputs = (
        (mean + deviation * column[::every].float()).flatten()
        for column in (examples.targets, examples.outputs)
    )
    errors = (mean + deviation * examples.targets - mean - deviation * examples.outputs).flatten()
    mse = float(errors.square().mean())
    figure, (above, below) = panels([3, 1.4])
    name = str(getattr(view.datamodule, "target_name", "") or "target")
    if examples.inputs[0].numel() == 1:
        x, label = _inputs(view, examples.inputs[::every].flatten())
        _draw_curves(above, view, x, targets)
        above.set_ylabel(text(name))
        what = f"Points of validation, and the net's curve over {label}"
    else:
        x, label = outputs, "prediction"
        ends = [float(min(targets.min(), x.min())), float(max(targets.max(), x.max()))]
        above.plot(x.numpy(), targets.numpy(), ".", color=COLOURS[4], markersize=3, alpha=0.7)
        above.plot(ends, ends, color=INK, linewidth=1, label="prediction = target")
        above.set_ylabel(text(name))
        above.legend(loc="upper left")
        what = "Targets over predictions"
    below.plot(x.numpy(), (targets - outputs).numpy(), ".", color=COLOURS[4], markersize=3)
    below.axhline(0, color=INK, linewidth=1)
    below.set(ylabel="residual", xlabel=text(label))
    alt = f"{what}; below it the residuals, whose mean square is {written(mse)}."
    yield Picture("fit", f"Predictions and residuals, {examples.rows}", alt, figure)


def _target_scale(view: View) -> tuple[float, float]:
    mean, deviation = getattr(view.datamodule, "target_scale", (0.0, 1.0))
    return mean, deviation


def _inputs(view: View, inputs: "Tensor") -> tuple["Tensor", str]:
    """Inputs (N,) in their own unit, and what their column is called."""
    splits: Any = getattr(view.datamodule, "splits", None)
    scale = getattr(splits, "scale", {})
    name, (mean, deviation) = next(iter(scale.items()), ("input", (0.0, 1.0)))
    return mean + deviation * inputs, name


def _draw_curves(axes: "Axes", view: View, x: "Tensor", targets: "Tensor") -> None:
    """The points, the truth where it is known, and what the net gave at some of its steps."""
    import torch

    axes.plot(x.numpy(), targets.numpy(), ".", color=COLOURS[4], markersize=4, label="validation")
    inputs = view.examples.inputs.flatten()
    places = torch.linspace(float(inputs.min()), float(inputs.max()), PLACES)[:, None]
    shape = (PLACES, *view.examples.inputs.shape[1:])
    over = _inputs(view, places.flatten())[0].numpy()
    mean, deviation = _target_scale(view)
    curves = [*_earlier(view, places.view(shape)), (view.weights, view.outputs(places.view(shape)))]
    for colour, (label, outputs) in zip(_shades(len(curves)), curves, strict=True):
        y = (mean + deviation * outputs).flatten().numpy()
        last = label == view.weights
        axes.plot(over, y, color=colour, linewidth=2.2 if last else 1.2, label=label, zorder=3)
    if (truth := view.truth(places.view(shape))) is not None:
        axes.plot(over, truth.flatten().numpy(), "--", color=INK, linewidth=1.2, label="truth")
    low, high = float(targets.min()), float(targets.max())
    margin = 0.2 * (high - low) or 1.0
    axes.set_ylim(low - margin, high + margin)  # the first curves may be far off
    axes.legend(loc="best", ncols=2)


def _earlier(view: View, places: "Tensor") -> Iterator[tuple[str, "Tensor"]]:
    """What the net gave before its best: the step, and the outputs (N, 1)."""
    best = view.run.final.get("step", float("inf"))
    path = view.path
    if path is None:
        return
    before = [place for place in path.some(STEPS) if path.steps[place] < best][: STEPS - 1]
    with view.at(path.weights[place] for place in before) as turns:
        for place, _ in zip(before, turns, strict=True):
            yield f"step {path.steps[place]:,}", view.outputs(places)


def _shades(count: int) -> Sequence[Any]:
    from matplotlib import colormaps

    return [colormaps["plasma_r"](0.15 + 0.6 * n / max(count - 1, 1)) for n in range(count)]
