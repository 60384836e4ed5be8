"""Texts drawn as their characters' outlines, for pictures with hundreds of them.

Matplotlib lays each text out on its own, looks for its fonts each time, and takes 1 ms for it; this
takes a fifth. Trade-off: characters are neither kerned nor fitted to the pixels.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.ft2font import LoadFlags
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from seedbed.report.style import font_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = 100
"""Points of the outlines."""

MIDDLE, LINE = 0.36, 1.2
"""Of the size: how high the middle of most characters is, and a line."""

LEFT = {"left": 0.0, "center": 0.5, "right": 1.0}
"""How much of a text is on the left of its place."""

ABOVE = {"top": 0.0, "center": 0.5, "bottom": 1.0}
"""And above it."""


class Letters(Text):
    """A text without formulas, of one or more lines, which is not turned."""

    def draw(self, renderer: Any) -> None:
        """Fill the outlines."""
        if not self.get_visible():
            return
        x, y = self.get_transform().transform(self.get_position())
        fonts = tuple(self.get_fontfamily())
        size = renderer.points_to_pixels(self.get_fontsize())
        lines = self.get_text().replace(r"\$", "$").split("\n")
        top = y + size * LINE * len(lines) * ABOVE[self.get_verticalalignment()]
        context = renderer.new_gc()
        context.set_linewidth(0)
        context.set_snap(False)
        for number, line in enumerate(lines):
            path, width = _outline(line, fonts)
            left = x - size * width * LEFT[self.get_horizontalalignment()]
            base = top - size * (LINE * (number + 0.5) + MIDDLE)
            place = Affine2D().scale(size).translate(left, base)
            renderer.draw_path(context, path, place, to_rgba(self.get_color()))
        context.restore()


def write(axes: "Axes", x: float, y: float, words: str, **look: Any) -> None:
    """Write words around a place of the data, as `axes.text` does.

    Args:
        axes: Where.
        x: To the right.
        y: Up.
        words: As `style.text` has made them drawable.
        look: As `Text` has it: `ha`, `va`, `fontsize`, `color`.
    """
    look = {"ha": "center", "va": "center", **look}
    axes.add_artist(Letters(x, y, words, transform=axes.transData, **look))


def _outline(words: str, fonts: tuple[str, ...]) -> tuple[Path, float]:
    """The outline of a line of 1 point that begins at (0, 0), and how wide it is."""
    pieces: list[np.ndarray] = []
    codes: list[np.ndarray] = []
    width = 0.0
    for character in words:
        vertices, kinds, advance = _character(character, fonts)
        pieces.append(vertices + np.array([width, 0.0]))
        codes.append(kinds)
        width += advance
    if not pieces:
        return Path(np.empty((0, 2))), 0.0
    return Path(np.concatenate(pieces), np.concatenate(codes)), width


@cache
def _character(character: str, fonts: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, float]:
    """Its outline's vertices (N, 2) and codes (N,), for 1 point, and how far the next one is."""
    font = font_of(character, fonts)
    font.set_size(SIZE, 72)
    glyph = font.load_char(ord(character), flags=LoadFlags.NO_HINTING)
    vertices, codes = font.get_path()
    return vertices / SIZE, codes, glyph.linearHoriAdvance / 65536 / SIZE
