"""How the poem GPT's training grows: characters a second and memory, as one size at a time doubles.

Beside each curve stands its limit. The head is the plain softmax in chunks, whose arithmetic is the
same for each token.

    python -m benchmarks.scaling '{"width": 128}'

measures one point, and prints a line of JSON.
"""

import json
import sys
import time
from statistics import median
from typing import Any

import torch

from benchmarks.limits import Point, draw_rates, matrix_speed, operations, share
from benchmarks.results import HERE, RESULTS, Result, here, place_of, when
from benchmarks.timing import child, say
from seedbed.nets.gpt import GPT
from seedbed.record.directory import write_json
from seedbed.report.style import COLOURS, new_figure

MINUTES = 6.0
EXPERIMENT = "poem_gpt"

BASE = {"width": 64, "depth": 4, "context": 256, "batch": 16, "vocabulary": 8192}
"""The point that all curves share, about the lesson's own."""

GROWN = {
    "width": [32, 64, 128, 256, 512],
    "depth": [1, 2, 4, 8, 16],
    "context": [64, 128, 256, 512, 1024],
    "batch": [1, 2, 4, 8, 16, 32, 64],
    "vocabulary": [1024, 2048, 4096, 8192, 16384, 32768],
}
"""The values that each size takes while the others stay."""


def measure() -> None:
    """Measure every point, a process each, and keep them all."""
    around = here()
    points: dict[str, Point] = {}
    for name, values in GROWN.items():
        for value in values:
            sizes = json.dumps(BASE | {name: value})
            if sizes not in points:
                points[sizes] = child("benchmarks.scaling", sizes)
            found = points[sizes]
            say(
                f"{name} {value:,}: {found['rate']:,.0f} characters a second, "
                f"{share(found):.0%} of the limit, "
                f"{found['mebibytes']:,.0f} MiB"
            )
    curves = {
        name: [points[json.dumps(BASE | {name: value})] for value in values]
        for name, values in GROWN.items()
    }
    write_json(RESULTS / "scaling.json", {"curves": curves} | around)


def point(**sizes: int) -> Point:
    """Train for some steps at these sizes, with the experiment's optimizer."""
    from benchmarks.memory import raised_by
    from seedbed.config.build import build_optimizer
    from seedbed.config.compose import composed, plain

    width, depth, context, batch, vocabulary = (sizes[name] for name in BASE)
    net = GPT(vocabulary_size=vocabulary, context=context, depth=depth, width=width)
    optimizer = build_optimizer(plain(composed(["experiment=poem_gpt"])), net)
    tokens = torch.randint(vocabulary, (batch, context + 1))
    seconds: list[float] = []

    def step(tokens: torch.Tensor) -> None:
        started = time.perf_counter()
        loss = net.loss(tokens[:, :-1], tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss.item()
        seconds.append(time.perf_counter() - started)

    def steps() -> None:
        while len(seconds) < 5 or (sum(seconds) < 2 and len(seconds) < 100):
            step(tokens)

    step(tokens[:1, :9])  # for what torch imports late
    raised = raised_by(steps)  # before anything large is given back, which would hide a part
    speed = max(matrix_speed() for _ in range(2))
    return {
        "rate": batch * context / median(seconds[2:]),
        "limit": speed / operations(net, torch.ones(vocabulary)),
        "mebibytes": raised / 2**20,
        "matrix_gigaflops": speed / 1e9,
    }


def section(found: Result) -> str:
    """What the page says of it."""
    rows = [
        "| size | characters a second (share of the limit), MiB |",
        "|---|---|",
    ]
    for name, values in GROWN.items():
        cells = [
            f"{value:,}: {one['rate']:,.0f} ({share(one):.0%}), {one['mebibytes']:,.0f}"
            for value, one in zip(values, found["curves"][name], strict=True)
        ]
        rows.append(f"| {name} | {'; '.join(cells)} |")
    speeds = [one["matrix_gigaflops"] for curve in found["curves"].values() for one in curve]
    return SECTION.format(
        speed=median(speeds),
        base=", ".join(f"{name} {value:,}" for name, value in BASE.items()),
        date=when(found),
        load=found["load"],
        place=place_of(found),
        table="\n".join(rows),
    )


SECTION = """
## How it grows

Training steps of the poem GPT in full precision, with a plain softmax ({base}), one size
changed at a time; {place}, {date}, load {load:.1f}. The limit is the step's arithmetic
at the machine's own matrix speed, {speed:,.0f} GFLOP/s in a product of 2,048 × 2,048: the share
reached is the model FLOP utilisation. Memory is what the steps need beyond what the process had
before.

![Characters a second, the limit, and memory](scaling.png)

{table}
"""


def _short(value: int) -> str:
    """A power of two, thousands as k: the labels of a narrow axis must not touch."""
    return str(value) if value < 1024 else f"{value // 1024}k"


def draw(found: Result) -> None:
    """Characters a second with the limit above, memory below, a column a size."""
    figure = new_figure(15, 6)
    grid: Any = figure.subplots(2, len(GROWN), sharey="row")
    for (above, below), (name, values) in zip(grid.T, GROWN.items(), strict=True):
        curve = found["curves"][name]
        draw_rates(above, values, curve)
        below.plot(values, [one["mebibytes"] for one in curve], "o-", color=COLOURS[1])
        below.margins(x=above.margins()[0])
        for axes in (above, below):
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_xticks(values, [_short(value) for value in values])
            axes.minorticks_off()
        above.set_title(name)
        below.set_xlabel(name)
    for axes in grid.flat:
        axes.label_outer()
    grid[1, 0].set_ylabel("memory of a step, MiB")
    figure.savefig(HERE / "scaling.png")


if __name__ == "__main__":
    print(json.dumps(point(**json.loads(sys.argv[1]))))
