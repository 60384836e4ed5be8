"""`robustness.png`: a classifier's test accuracy over the strength of what disturbs its inputs."""

from pathlib import Path

from seedbed.report.comparison import Comparison
from seedbed.report.style import GREY, End, colours, label_ends, new_figure, text

KINDS = {
    "noise": "noise: its deviation",
    "shift": "shift: pixels",
    "fgsm": "adversary's step (FGSM): its size",
}


def draw_robustness(comparison: Comparison, file: Path) -> bool:
    """Draw a panel for each kind, the mean over seeds; False if no run has a `robustness.csv`."""
    curves = {group.label: [run.robustness for run in group.runs] for group in comparison.groups}
    known = {kind for runs in curves.values() for rows in runs for row in rows for kind in row}
    kinds = [kind for kind in KINDS if kind in known]
    if not kinds:
        return False
    picture = new_figure(1.5 + 3.6 * len(kinds), 4.2)
    panels = picture.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    colour = colours(comparison)
    ends = []
    for axes, kind in zip(panels, kinds, strict=True):
        for group in reversed(comparison.groups):
            points = means(curves[group.label], kind)
            hue = colour[group.label]
            axes.plot([x for x, _ in points], [y for _, y in points], color=hue, marker=".")
            if points and axes is panels[-1] and hue != GREY:
                ends.append(End(*points[-1], group.label, hue))
        axes.set_xlabel(KINDS[kind])
        axes.margins(x=0.01)
    panels[0].set_ylabel("test accuracy")
    panels[0].set_title(text(f"{comparison.title}: accuracy under disturbed inputs"))
    label_ends(panels[-1], ends)
    picture.savefig(file)
    return True


def means(runs: list[list[dict[str, float]]], kind: str) -> list[tuple[float, float]]:
    """The mean accuracy at each strength of a kind; at 0 that of the inputs as they are."""
    values: dict[float, list[float]] = {}
    for row in (row for rows in runs for row in rows):
        if kind in row or row.keys() == {"accuracy"}:
            values.setdefault(row.get(kind, 0.0), []).append(row["accuracy"])
    return [(strength, sum(all_) / len(all_)) for strength, all_ in sorted(values.items())]
