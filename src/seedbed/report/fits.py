"""`fits.png`: what nets of one input have learnt: the test's points, and a curve for each run."""

from pathlib import Path

from seedbed.report.comparison import Comparison
from seedbed.report.style import GREY, End, colours, label_ends, new_figure, text


def draw_fits(comparison: Comparison, file: Path) -> bool:
    """Draw the picture; False if no run has a `predictions.csv`."""
    known = {id(run): run.predictions for run in comparison.runs}
    points = {(x, y) for rows in known.values() for x, y, _ in rows}
    if not points:
        return False
    picture = new_figure(9, 5)
    axes = picture.add_subplot()
    axes.plot(*zip(*points, strict=True), ".", color=GREY, ms=3, alpha=0.6, label="test part")
    targets = [y for _, y in points]
    margin = 0.15 * (max(targets) - min(targets)) or 1.0
    low, high = min(targets) - margin, max(targets) + margin
    colour = colours(comparison)
    ends = []
    for group in reversed(comparison.groups):
        hue = colour[group.label]
        for run in group.runs:
            rows = known[id(run)]
            axes.plot(
                [x for x, _, _ in rows],
                [y for _, _, y in rows],
                color=hue,
                linewidth=1.8 if len(group.runs) == 1 else 1.1,
            )
        if (rows := known[id(group.runs[0])]) and hue != GREY:
            x, _, y = rows[-1]
            ends.append(End(x, min(max(y, low), high), group.label, hue))
    axes.set_ylim(low, high)  # a curve that is far off does not flatten the points
    axes.margins(x=0.01)
    axes.set(xlabel="input", ylabel="target and prediction")
    axes.set_title(text(f"{comparison.title}: fitted curves"))
    axes.legend(loc="best", fontsize=9)
    label_ends(axes, ends)
    picture.savefig(file)
    return True
