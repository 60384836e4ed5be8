"""All files of a report: one function for a run, a sweep, or any runs side by side."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from seedbed.files import writing
from seedbed.record.run import Axis
from seedbed.report.comparison import Comparison
from seedbed.report.curves import charts_of, draw_curves
from seedbed.report.effects import draw_effects
from seedbed.report.fits import draw_fits
from seedbed.report.history import draw_history
from seedbed.report.page import write_page
from seedbed.report.pairs import draw_pairs
from seedbed.report.paths import draw_paths
from seedbed.report.robustness import draw_robustness
from seedbed.report.style import drawing
from seedbed.report.tables import write_results
from seedbed.report.view import View


def write_reports(
    comparisons: Sequence[Comparison],
    folder: Path,
    *,
    axis: Axis = "step",
    view: Callable[[Path], View] | None = None,
) -> list[Path]:
    """Write a report each; of several in a folder of its own, by the number it was printed as."""
    places = [folder / f"comparison-{n}" for n in range(1, len(comparisons) + 1)]
    return [
        write_report(comparison, place if len(comparisons) > 1 else folder, axis=axis, view=view)
        for comparison, place in zip(comparisons, places, strict=True)
    ]


def write_report(
    comparison: Comparison,
    folder: Path,
    *,
    axis: Axis = "step",
    view: Callable[[Path], View] | None = None,
) -> Path:
    """Write `results.csv`, the pictures there is something to draw for, and `report.html`.

    Args:
        comparison: The runs.
        folder: Where to write, made if need be; pictures of an earlier report there are replaced.
        axis: What the curves are drawn over.
        view: Opens a run, for pictures that need more than the runs' tables; None leaves them out.

    Returns:
        The page.

    Raises:
        RunError: If the folder cannot be written.
    """
    results, page, curves = (folder / n for n in ("results.csv", "report.html", "curves.png"))
    drawings: dict[str, tuple[Path, Callable[[Comparison, Path], bool]]] = {
        "Effect of each setting": (folder / "effects.png", draw_effects),
        "Two settings at once": (folder / "pairs.png", draw_pairs),
        "Fitted curves": (folder / "fits.png", draw_fits),
        "Paths of the fits": (folder / "paths.png", partial(draw_paths, view=view)),
        "Under disturbed inputs": (folder / "robustness.png", draw_robustness),
        "The search": (folder / "history.png", draw_history),
    }
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file in (results, page, curves, *(file for file, _ in drawings.values())):
            file.unlink(missing_ok=True)  # it may be a link, out of a folder from elsewhere
        write_results(comparison, results)
    with drawing():
        draw_curves(comparison, axis, curves)
        charts = charts_of(comparison, axis)
        pictures = {
            caption: file for caption, (file, draw) in drawings.items() if draw(comparison, file)
        }
    write_page(comparison, charts, pictures, page)
    return page
