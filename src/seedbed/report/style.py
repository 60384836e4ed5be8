"""How all pictures look: fonts, colours, and labels beside the lines instead of a legend.

Matplotlib is imported late, and keeps its list of the machine's fonts where it does for all: to
look for them anew takes as long as to draw two pictures.
"""

import os
import sys
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from seedbed.report.comparison import Comparison
from seedbed.speed import quick_imports

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
"""Distinguishable with any colour vision: after Paul Tol's `muted` (2021)."""

WIDEST = 80
"""Characters of a label or title that leave room for what they name."""

LINE = 20.0
"""Height of a label's line, in pixels of a picture before it is saved."""

GREY = "#b8b8b8"
INK = "#222222"

PACKAGED = "IPAexGothic"
"""The font of the package matplotlib-fontja: most traditional characters too."""

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
    PACKAGED,
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
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "savefig.dpi": 150,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Set the style, with no trace of the user's own."""
    # A notebook names a backend of its own for what it starts, which may not be there.
    with _environment(MPLBACKEND="agg"), _quickly():
        import matplotlib
        from matplotlib import font_manager

        for name in ("matplotlib.backends.backend_agg", "matplotlib.figure"):
            import_module(name)
    if PACKAGED not in font_manager.fontManager.get_font_names() and (font := _packaged()):
        font_manager.fontManager.addfont(font)
    installed = set(font_manager.fontManager.get_font_names())
    fonts = ["DejaVu Sans", *(name for name in CHINESE_FONTS if name in installed)]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE | {"font.family": fonts})
        yield


def _packaged() -> str | None:
    """The package's file; to import the package would set Matplotlib's own settings."""
    spec = find_spec("matplotlib_fontja")
    places = spec.submodule_search_locations if spec else None
    return next((f"{place}/fonts/ipaexg.ttf" for place in places or ()), None)


@contextmanager
def _quickly() -> Iterator[None]:
    """Import Matplotlib in less time; once, for what that freezes is never collected.

    A third of the time it would list the properties of its classes, for `help` alone.
    """
    if "matplotlib.artist" in sys.modules:
        yield
        return
    with quick_imports():
        artist: Any = import_module("matplotlib.artist")
        inspector, describe = artist.ArtistInspector, artist.kwdoc
        setters = inspector.get_setters
        inspector.get_setters, artist.kwdoc = lambda _: [], lambda _: ""
        try:
            yield
        finally:
            inspector.get_setters, artist.kwdoc = setters, describe


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


def panels(heights: Sequence[float], *, width: float = 6.5) -> tuple["Figure", list["Axes"]]:
    """A picture of panels one above the other, inches high, over one horizontal axis.

    Its margins are set here, for a layout that looks for them takes as long as the picture.
    """
    from matplotlib.figure import Figure

    room = 0.5 + 0.15 * (len(heights) - 1)  # below, for the axis, and between
    figure = Figure(figsize=(width, sum(heights) + room + 0.15))
    height = figure.get_figheight()
    axes = figure.subplots(
        len(heights),
        sharex=True,
        squeeze=False,
        height_ratios=heights,
        gridspec_kw={
            "left": 0.9 / width,
            "right": 1 - 0.15 / width,
            "bottom": 0.5 / height,
            "top": 1 - 0.15 / height,
            "hspace": 0.15 * len(heights) / sum(heights),
        },
    )
    return figure, [*axes.flat]


def sheet(height: float, **limits: tuple[float, float]) -> tuple["Figure", "Axes"]:
    """A picture to write on, inches high and without axes, of places within `xlim` and `ylim`."""
    figure, [axes] = panels([height])
    axes.set_position((0.02, 0.01, 0.96, 0.98))
    axes.set_axis_off()
    axes.set(**limits)
    return figure, axes


def grid(
    rows: int,
    columns: int,
    *,
    cell: tuple[float, float],
    gap: tuple[float, float],
    left: float,
    top: float = 0.25,
    bottom: float = 0.5,
) -> tuple["Figure", list["Axes"]]:
    """A picture of equal panels, row by row; all lengths are in inches.

    Args:
        rows: How many above each other.
        columns: And beside each other.
        cell: A panel's width and height.
        gap: The room between them, to the side and below.
        left: The room at the left.
        top: And above all, for titles.
        bottom: And below all, for axes.
    """
    from matplotlib.figure import Figure

    across = left + columns * cell[0] + (columns - 1) * gap[0] + 0.15
    down = bottom + rows * cell[1] + (rows - 1) * gap[1] + top
    figure = Figure(figsize=(across, down))
    axes = figure.subplots(
        rows,
        columns,
        squeeze=False,
        gridspec_kw={
            "left": left / across,
            "right": 1 - 0.15 / across,
            "bottom": bottom / down,
            "top": 1 - top / down,
            "wspace": gap[0] / cell[0],
            "hspace": gap[1] / cell[1],
        },
    )
    return figure, [*axes.flat]


def text(words: str) -> str:
    """Words as a picture can show them: no formulas, and codes for characters no font has."""
    import matplotlib

    fonts = _fonts(tuple(matplotlib.rcParams["font.family"]))
    if len(words) > WIDEST:  # what differs may stand at its end
        words = f"{words[: WIDEST - 21]}…{words[-20:]}"
    drawn = (
        c if any(ord(c) in known for _, known in fonts) else c.encode("unicode_escape").decode()
        for c in words
    )
    return "".join(drawn).replace("$", r"\$")


def font_of(character: str, names: tuple[str, ...]) -> Any:
    """The first of some fonts that has a character, else the first."""
    fonts = _fonts(names)
    return next((font for font, known in fonts if ord(character) in known), fonts[0][0])


@cache
def _fonts(names: tuple[str, ...]) -> list[tuple[Any, Container[int]]]:
    """Fonts, and the characters that each has."""
    from matplotlib import font_manager

    fonts = [font_manager.get_font(font_manager.findfont(name)) for name in names]
    return [(font, font.get_charmap()) for font in fonts]


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
