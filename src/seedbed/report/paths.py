"""`paths.png`: where the fits of a sweep went on one landscape, of nets with two weights."""

from collections.abc import Callable
from pathlib import Path

from seedbed.record.checkpoint import FOLDER, LAST
from seedbed.record.run import Run
from seedbed.report.comparison import Comparison
from seedbed.report.landscape import axis_names, draw_contours, draw_steps, landscape
from seedbed.report.settings import is_seed
from seedbed.report.style import GREY, colours, panels, text
from seedbed.report.view import View, path_of

TINY = 2**15
"""Bytes of a checkpoint at most, of a net with two weights."""

OF_THE_LOSS = ("data.", "net.", "task.")
"""Settings by which runs would have different landscapes."""


def draw_paths(comparison: Comparison, file: Path, *, view: Callable[[Path], View] | None) -> bool:
    """Draw the first run of each group that has a colour; False if there is no such landscape.

    `view` opens a run; without it nothing is drawn.
    """
    colour = colours(comparison)
    shown = [group for group in comparison.groups if colour[group.label] != GREY]
    if (
        not view
        or not shown
        or not _share_a_landscape(comparison, [group.runs[0] for group in shown])
    ):
        return False
    ground = view(next(run.path for run in comparison.runs if (run.path / FOLDER / LAST).exists()))
    if len(names := axis_names(ground)) != 2:
        return False
    paths = {group.label: path_of(group.runs[0], ground.parameters) for group in shown}
    whole = {label: path for label, path in paths.items() if path}
    if not whole:
        return False
    picture, [axes] = panels([4.5], width=8)
    draw_contours(axes, landscape(ground, [path.weights for path in whole.values()]))
    for label, path in reversed(whole.items()):  # the best on top
        draw_steps(axes, path, colour[label], text(label))
    axes.set(xlabel=names[0], ylabel=names[1])
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="best")
    picture.savefig(file)
    return True


def _share_a_landscape(comparison: Comparison, runs: list[Run]) -> bool:
    """Whether nets may have two weights, with one loss over them, as far as their files show."""
    differ = [name for name in comparison.differences.columns if name.startswith(OF_THE_LOSS)]
    files = [file for run in runs if (file := run.path / FOLDER / LAST).exists()]
    return (
        bool(files)
        and all(is_seed(name) for name in differ)
        and all(file.stat().st_size <= TINY for file in files)
    )
