"""How all pictures look: fonts, colours, and labels beside the lines instead of a legend.

Matplotlib is imported late and keeps its cache in the output folder while it draws: nothing else
is written to. Price: it looks for the machine's fonts anew each time.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from seedbed.report.comparison import Comparison
from seedbed.terminal import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_COLOURS = 10
"""Groups with a colour and a label of their own; of more, the best."""

COLOURS = (
    "#332288",
    "#cc6677",
    "#117733",
    "#e69f00",
    "#88ccee",
    "#882255",
    "#44aa99",
    "#999933",
    "#aa4499",
    "#222222",
)
"""Told apart with any colour vision: after Paul Tol's `muted` (2021)."""

LINE = 20.0
"""Height of a label's line, in pixels of a picture before it is saved."""

GREY = "#b8b8b8"
INK = "#222222"

CHINESE_FONTS = (
    "Noto Sans CJK TC",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans TC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang TC",
    "Heiti TC",
    "Microsoft JhengHei",
    "Microsoft YaHei",
    "SimHei",
    "Arial Unicode MS",
    "Droid Sans Fallback",
)
"""Asked for in this order, for what the usual font lacks."""

STYLE: Any = {  # its keys are literals in matplotlib's own types
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.edgecolor": "#777777",
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.7,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "text.color": INK,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "savefig.dpi": 150,
}


@contextmanager
def drawing(folder: Path) -> Iterator[None]:
    """Set the style, with no trace of the user's own; nothing stays in `folder` but pictures."""
    with TemporaryDirectory(dir=folder, prefix=".matplotlib-") as cache:
        # A notebook names a backend of its own for what it starts, which may not be there.
        with _environment(MPLCONFIGDIR=cache, MPLBACKEND="agg"):
            import matplotlib
            from matplotlib import font_manager
        installed = set(font_manager.fontManager.get_font_names())
        fonts = ["DejaVu Sans", *(name for name in CHINESE_FONTS if name in installed)]
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE | {"font.family": fonts})
            yield


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def new_figure(width: float, height: float) -> "Figure":
    """An empty picture, inches wide and high; drawn by Agg, which needs no screen."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def text(words: str) -> str:
    """Words as a picture can show them: no formulas, and codes for characters no font has."""
    import matplotlib

    known = _characters(tuple(matplotlib.rcParams["font.family"]))
    drawn = (c if ord(c) in known else c.encode("unicode_escape").decode() for c in cut(words))
    return "".join(drawn).replace("$", r"\$")


@cache
def _characters(fonts: Sequence[str]) -> set[int]:
    """Those that a font has."""
    from matplotlib import font_manager

    paths = map(font_manager.findfont, fonts)
    return set[int]().union(*(font_manager.get_font(path).get_charmap() for path in paths))


def colours(comparison: Comparison) -> dict[str, str]:
    """A colour for each group's label, the best ones if there are too many: else grey.

    Where one number alone differs, the colours follow it from dark to light.
    """
    settings = comparison.differences.settings
    chosen = list(comparison.groups[:MOST_COLOURS])
    if len(settings) == 1 and settings[0].numeric:
        from matplotlib import colormaps
        from matplotlib.colors import to_hex

        chosen.sort(key=lambda group: float(group.values[0]))
        places = [0.85 * number / max(len(chosen) - 1, 1) for number in range(len(chosen))]
        palette: Sequence[str] = [to_hex(colormaps["viridis"](place)) for place in places]
    else:
        order = [tuple(s.values[i] for s in settings) for i in range(len(comparison.runs))]
        chosen.sort(key=lambda group: order.index(group.values))
        palette = COLOURS
    found = {group.label: colour for group, colour in zip(chosen, palette, strict=False)}
    return {group.label: found.get(group.label, GREY) for group in comparison.groups}


@dataclass(frozen=True)
class End:
    """Where a line ends, and what to call it."""

    x: float
    y: float
    label: str
    colour: str


def label_ends(axes: "Axes", ends: Sequence[End]) -> None:
    """Write the labels at the right, beside their lines' ends, apart from each other."""
    gap = LINE / axes.get_window_extent().height
    axes.get_xlim(), axes.get_ylim()  # brings limits up to date, which transforms do not
    to_axes = axes.transData + axes.transAxes.inverted()
    places = [tuple(to_axes.transform((end.x, end.y))) for end in ends]
    order = sorted(range(len(ends)), key=lambda number: places[number][1])
    heights = spread([min(max(places[number][1], 0.0), 1.0) for number in order], gap)
    for number, height in zip(order, heights, strict=True):
        end, (x, y) = ends[number], places[number]
        axes.plot(
            [min(x, 1.0) if x > 0.98 else 1.01, 1.01, 1.025, 1.04],
            [y, y, height, height],
            color=end.colour,
            linewidth=1.0,
            transform=axes.transAxes,
            clip_on=False,
        )
        axes.text(
            1.045,
            height,
            text(end.label),
            transform=axes.transAxes,
            va="center",
            fontsize=9,
            color=INK if end.colour != GREY else "#777777",
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Move sorted heights apart by `gap`, as little as that takes, and keep them in 0 to 1."""
    blocks: list[tuple[float, int]] = []  # centre and count of labels that touch
    for height in heights:
        centre, count = height, 1
        while True:
            half = gap * (count - 1) / 2
            centre = min(max(centre, half), 1 - half)
            if not blocks or centre - blocks[-1][0] >= gap * (count + blocks[-1][1]) / 2:
                break
            below, others = blocks.pop()
            centre = (centre * count + below * others) / (count + others)
            count += others
        blocks.append((centre, count))
    return [
        centre + gap * (place - (count - 1) / 2)
        for centre, count in blocks
        for place in range(count)
    ]
