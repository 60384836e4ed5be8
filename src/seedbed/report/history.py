"""`history.png`: what a search has found, trial after trial; several searches in one picture.

As Optuna's own plot of it, but from the runs' files: for the sweeps that the runs lie in, a dot a
trial and the best so far as a line, over the steps that were trained until then. So what pruning
saves is seen as well.
"""

import math
from itertools import accumulate
from pathlib import Path

from seedbed.errors import RunError
from seedbed.record.files import SWEEP, read_yaml
from seedbed.record.run import Run
from seedbed.record.settings import LARGEST
from seedbed.report.comparison import Comparison
from seedbed.report.scales import set_log, spans, view
from seedbed.report.style import COLOURS, End, label_ends, new_figure, text

SEARCHES = ("random", "tpe")


def draw_history(comparison: Comparison, file: Path) -> bool:
    """Draw the picture; False if none of the runs was a search's."""
    sweeps: dict[Path, list[Run]] = {}
    for run in comparison.runs:
        sweeps.setdefault(run.path.parent, []).append(run)
    names = {folder: _name(folder) for folder in sweeps}
    if not any(name.startswith(SEARCHES) for name in names.values()):
        return False
    picture = new_figure(9, 5)
    axes = picture.add_subplot()
    low, high = view(comparison)
    ends, seen = [], []
    for colour, (folder, runs) in zip(COLOURS, sweeps.items(), strict=False):
        steps, values, best = course(runs, comparison)
        if not steps:
            continue
        dots = [(x, y) for x, y in zip(steps, values, strict=True) if low <= y <= high]
        axes.plot([x for x, _ in dots], [y for _, y in dots], ".", color=colour, alpha=0.6)
        axes.step(steps, best, where="post", color=colour)
        seen += [y for _, y in dots]
        ends.append(End(steps[-1], best[-1], f"{names[folder]}, {len(steps)} trials", colour))
    if not seen:
        return False
    if comparison.mode == "min" and spans(seen, 20):
        set_log(axes, "y", min(seen) / 1.1, max(seen) * 1.1)
    axes.set_xlim(left=0)
    axes.set(xlabel="training steps of all trials so far", ylabel=comparison.metric)
    axes.set_title(text(f"{comparison.title}: each trial (dot), and the best so far (line)"))
    label_ends(axes, ends)
    picture.savefig(file)
    return True


def course(runs: list[Run], comparison: Comparison) -> tuple[list[int], list[float], list[float]]:
    """Of finished runs, in the order they began: all steps until then, the metric, its best yet."""
    metric = comparison.metric
    done = [
        run for run in runs if run.finished and abs(run.figures.get(metric, math.inf)) < LARGEST
    ]
    done.sort(key=lambda run: (run.status.get("started") or "", run.status.get("ended") or ""))
    values = [run.figures[metric] for run in done]
    best = accumulate(values, max if comparison.mode == "max" else min)
    return list(accumulate(run.steps for run in done)), values, list(best)


def _name(folder: Path) -> str:
    """A sweep's algorithm; empty of a folder that is none."""
    try:
        sweep = read_yaml(folder / SWEEP)["sweep"]
        return f"{sweep['algorithm']}{', pruned' if sweep['pruning'] else ''}"
    except (FileNotFoundError, RunError, KeyError, TypeError):
        return ""
