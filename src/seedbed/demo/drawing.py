"""A surface and a curve as HTML, with a mark where the controls are: no library, one look."""

import base64
import html
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image, ImageColor

CLASSES = ("#332288", "#cc6677", "#117733", "#e69f00", "#88ccee", "#882255", "#44aa99", "#999933")
"""Distinguishable with any colour vision, as a report's."""

RISING = ("#332288", "#f7f7f7", "#e69f00")
"""From the least to the greatest; of probabilities ½ is in the middle."""

Named = tuple[str, tuple[float, float]]
"""An axis: what it is, and its ends."""


def surface(
    grid: Sequence[Sequence[float]],
    axes: Sequence[Named],
    here: Sequence[float],
    labels: Sequence[str],
    target: str,
) -> str:
    """A map of what is predicted, the first row the uppermost, marked at `here`.

    Args:
        grid: Probabilities, classes' numbers, or predictions.
        axes: The one across, and the one up.
        here: A place on both.
        labels: What the classes are called, where there are more than two.
        target: What is predicted.
    """
    values = np.array(grid)
    several = len(labels) > 2
    pixels, shown, legend = _classes(values, labels) if several else _numbers(values, target)
    picture = Image.fromarray(pixels.reshape(*values.shape, 3).astype(np.uint8))
    file = BytesIO()
    how = Image.Resampling.NEAREST if several else Image.Resampling.BICUBIC
    picture.resize((4 * picture.width, 4 * picture.height), how).save(file, "png")
    source = base64.b64encode(file.getvalue()).decode()
    (across, _), (up, _) = axes
    alt = f"{target} over {across} and {up}: {shown}"
    image = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{source}">'
    return _framed(image, axes, here) + f"<p>{legend}</p>"


def _classes(values: np.ndarray, labels: Sequence[str]) -> tuple[np.ndarray, str, str]:
    """Colours (N, 3) of classes' numbers, and which classes there are, in words and as a legend."""
    colours = np.array([ImageColor.getrgb(colour) for colour in CLASSES])
    classes = values.flatten().astype(int)
    there = np.unique(classes).tolist()
    legend = " ".join(
        f'<span style="color:{CLASSES[k % len(CLASSES)]}">■</span> {html.escape(labels[k])}'
        for k in there
    )
    return colours[classes % len(CLASSES)], ", ".join(labels[k] for k in there), legend


def _numbers(values: np.ndarray, target: str) -> tuple[np.ndarray, str, str]:
    """Colours (N, 3) of numbers, and from where to where they go, in words and as a scale."""
    low, high = values.min(), values.max()
    shown = f"{target} from {low:.3g} to {high:.3g}"
    if low >= 0 and high <= 1:  # they are probabilities
        low, high = 0.0, 1.0
    colours = np.array([ImageColor.getrgb(colour) for colour in RISING])  # (3, 3)
    share = (values.flatten() - low) / ((high - low) or 1)
    stops = np.linspace(0, 1, len(RISING))
    pixels = np.stack([np.interp(share, stops, channel) for channel in colours.T], axis=1)
    gradient = f"linear-gradient(90deg,{', '.join(RISING)})"
    bar = f"display:inline-block;width:8rem;height:0.7rem;background:{gradient}"
    return pixels, shown, f'{low:.3g} <span style="{bar}"></span> {high:.3g}'


def curve(
    across: str,
    target: str,
    points: Sequence[tuple[float, float]],
    truth: Sequence[tuple[float, float]],
    here: tuple[float, float],
) -> str:
    """A fitted curve over one number, with the data behind it, marked at `here`."""
    xs, ys = zip(*points, strict=True)
    known = [y for _, y in truth] or ys
    low, high = min(*ys, *known), max(*ys, *known)
    room = 0.05 * (high - low) or 1.0
    low, high = low - room, high + room

    def placed(x: float, y: float) -> tuple[float, float]:
        return 1000 * (x - xs[0]) / (xs[-1] - xs[0]), 1000 * (high - y) / (high - low)

    dots = "".join("M{:.0f},{:.0f}h0".format(*placed(x, y)) for x, y in truth)
    line = "L".join("{:.1f},{:.1f}".format(*placed(x, y)) for x, y in points)
    alt = f"{target} over {across}: {ys[0]:.3g} at {xs[0]:.3g}, {ys[-1]:.3g} at {xs[-1]:.3g}"
    drawing = (
        f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" '
        f'aria-label="{html.escape(alt)}"><g fill="none" stroke-linecap="round">'
        f'<path d="{dots}" stroke="#999" stroke-opacity="0.5" stroke-width="4" '
        f'vector-effect="non-scaling-stroke"/>'
        f'<path d="M{line}" stroke="#cc6677" stroke-width="3" '
        f'vector-effect="non-scaling-stroke"/></g></svg>'
    )
    return _framed(drawing, [(across, (xs[0], xs[-1])), (target, (low, high))], here)


def _framed(inside: str, axes: Sequence[Named], here: Sequence[float]) -> str:
    """A drawing with the names and ends of its axes, and the mark."""
    (across, (left, right)), (up, (low, high)) = axes
    x, y = 100 * (here[0] - left) / (right - left), 100 * (high - here[1]) / (high - low)
    x, y = (min(max(place, 0), 100) for place in (x, y))
    ends = (
        ("left:0;top:100%", f"{left:.4g}"),
        ("right:0;top:100%", f"{right:.4g}"),
        ("left:50%;top:100%;transform:translateX(-50%)", across),
        ("right:100%;top:0;margin-right:0.4rem", f"{high:.4g}"),
        ("right:100%;bottom:0;margin-right:0.4rem", f"{low:.4g}"),
        (
            "right:100%;top:50%;writing-mode:vertical-rl;transform:translateY(-50%) rotate(180deg);"
            "margin-right:0.4rem",
            up,
        ),
    )
    words = "".join(f'<span class="end" style="{s}">{html.escape(text)}</span>' for s, text in ends)
    mark = f'<i class="here" style="left:{x:.2f}%;top:{y:.2f}%"></i>'
    return f'<div class="surface"><div class="area">{inside}{mark}</div>{words}</div>'
