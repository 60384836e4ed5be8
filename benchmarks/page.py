"""`results.md` and its pictures, from the kept figures alone."""

from benchmarks import corpora, processes, scaling
from benchmarks.lines import Line
from benchmarks.results import HERE, figure_of, kept, settings, shown, table
from seedbed.report.style import COLOURS, GREY, INK, drawing, new_figure

PAGE = """# Benchmarks

`make bench` measures every line that takes no long training (about {short:.0f} minutes),
`make bench ONLY=NAME` one line or group, `make bench ONLY=all` all of them (about {all:.1f} hours).
This page is written by it from the figures in `results/`.

{settings}

A comparison is the median of the ratios of pairs measured alternately in one run; of `mnist_fast`
it is the seeds' mean time beside the mean of the lesson's, before and after them. Times are wall
time, those of commands of whole processes from start to end; ≤ is ours as a share of what stands
beside, ≥ how many times more ours does in the same time, but for a loss and an accuracy, which
stand as they are. At the end of a measurement are the lowest and the highest ratio. Load is the
system's average of the minute before. A line without one is of runs that were trained before: what
they are compared with was measured later, and their time is from when they were set out, imports
left out. All were measured on two shared cores. Nothing here was measured on a GPU.

{table}

![How many times faster, or smaller, than what stands beside](results.png)
{growth}"""

GROWTH = {"scaling": scaling, "corpora": corpora, "processes": processes}
"""What is measured of how it grows, in the order of the page."""


def write(lines: list[Line]) -> None:
    """Write the page and its pictures."""
    growth = sum(part.MINUTES for part in GROWTH.values())
    grown = [(part, found) for name, part in GROWTH.items() if (found := kept(name))]
    HERE.joinpath("results.md").write_text(
        PAGE.format(
            short=sum(line.minutes for line in lines if not line.long) + growth,
            all=(sum(line.minutes for line in lines) + growth) / 60,
            settings="  \n".join(settings(lines)),
            table=table(lines),
            growth="".join(part.section(found) for part, found in grown),
        ),
        encoding="utf-8",
    )
    with drawing():
        _draw(lines)
        for part, found in grown:
            part.draw(found)


def _draw(lines: list[Line]) -> None:
    """Times better than the baseline, a bar a line, its target a mark."""
    rows = [
        (line, figure_of(found)) for line in lines if (found := kept(line.name)) and found["pairs"]
    ]
    if not rows:
        return
    figure = new_figure(9, 1 + 0.4 * len(rows))
    axes = figure.subplots()
    for place, (line, ratio) in enumerate(reversed(rows)):
        costs = line.target.kind == "at most"
        better, wanted = (1 / x if costs else x for x in (ratio, line.target.limit))
        met = line.target.met_by(ratio)
        axes.barh(place, better - 1, left=1, height=0.55, color=COLOURS[2] if met else COLOURS[1])
        axes.plot([wanted, wanted], [place - 0.4, place + 0.4], color=INK, linewidth=1.6)
        side = max(better, wanted, 1.0)
        axes.annotate(
            shown(ratio, line.target),
            (side, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
        )
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [line.name for line, _ in reversed(rows)])
    axes.set_xlabel("times faster, or smaller, than the baseline; the dark mark is the target")
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    figure.savefig(HERE / "results.png")
