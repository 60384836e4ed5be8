"""Pictures of one run: what they are, which there are, and how they are saved.

Each is drawn from a `View`: the run's own files, its net and the validation part. The frame draws
what any run has, and what its task's kind has. A task, net or DataModule of one's own adds pictures
by one method, and replaces one of the frame's by giving one of the same name:

    def pictures(self, view: View) -> Iterable[Picture]: ...

Matplotlib is imported when something is drawn. Figures are made without pyplot, so nothing stays
behind; on a dark page, `filter: invert(1) hue-rotate(180deg)` keeps their hues.
"""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed.report.style import drawing
from seedbed.report.view import View
from seedbed.terminal import log

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OF_ANY = (
    "seedbed.report.training:draw_training",
    "seedbed.report.layers:draw_layers",
    "seedbed.report.landscape:draw_landscape",
)
"""What draws the pictures that any run has: modules and functions of a `View`."""

OF_KIND: dict[str, tuple[str, ...]] = {
    "regression": ("seedbed.report.regression:draw_fit",),
    "binary": (
        "seedbed.report.surface:draw_surface",
        "seedbed.report.ranking:draw_ranking",
        "seedbed.report.classes:draw_confusion",
        "seedbed.report.images:draw_images",
    ),
    "multiclass": (
        "seedbed.report.classes:draw_confusion",
        "seedbed.report.classes:draw_each",
        "seedbed.report.images:draw_images",
    ),
    "language": (
        "seedbed.report.language:draw_next",
        "seedbed.report.lens:draw_lens",
        "seedbed.report.language:draw_attention",
        "seedbed.report.language:draw_neighbours",
        "seedbed.report.language:draw_samples",
    ),
}
"""What draws those that a task's kind has."""

DPI = 150
"""Dots an inch."""


@dataclass(frozen=True)
class Picture:
    """Something to look at."""

    name: str
    """A word of its own within the run: the name of its file, without an ending."""
    title: str
    """What it shows, in a few words."""
    alt: str
    """What is to be seen in it, figures included, for who cannot see it."""
    figure: "Figure"

    @cached_property
    def png(self) -> bytes:
        """The content of its PNG file, drawn once, for the page and for TensorBoard."""
        file = BytesIO()
        self.figure.savefig(file, format="png", dpi=DPI, pil_kwargs={"compress_level": 3})
        return file.getvalue()


def pictures_of(view: View, *, without: Container[str] = ()) -> list[Picture]:
    """Draw all pictures of a run, which show what it learnt.

    One that fails, as a stranger's own may, is left out, and the log says so.

    Args:
        view: The run.
        without: Names of the frame's pictures that are not wanted.
    """
    drawn: dict[str, Picture] = {}
    failed: dict[str, list[str]] = {}
    with drawing():
        for draw in _drawings(view, without):
            try:
                drawn |= {picture.name: picture for picture in draw(view)}
            except Exception as error:  # a picture is not worth the run that it is of
                reason = f"{type(error).__name__}: {error}"
                failed.setdefault(reason, []).append(getattr(draw, "__qualname__", str(draw)))
    for reason, names in failed.items():  # data that are gone fail many
        log.info(f"{', '.join(names)}: not drawn ({reason})")
    return [*drawn.values()]


def _drawings(view: View, without: Container[str]) -> Iterator[Callable[[View], Iterable[Picture]]]:
    for place in (*OF_ANY, *OF_KIND.get(view.kind, ())):
        module, _, function = place.partition(":")
        if function.removeprefix("draw_") not in without:
            yield getattr(import_module(module), function)
    owners: dict[int, Any] = {id(o): o for o in (view.task, view.net, view.datamodule)}
    yield from filter(None, (getattr(owner, "pictures", None) for owner in owners.values()))


def save(pictures: Iterable[Picture], folder: Path) -> list[Path]:
    """Write `NAME.png` for each; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for picture in pictures:
        files.append(folder / f"{picture.name}.png")
        files[-1].write_bytes(picture.png)
    return files
