"""Two processes that train one net, beside one: characters a second within the poem GPT's fit.

    python -m benchmarks.processes

prints the limit with the threads that it has.
"""

import json
from statistics import median
from typing import cast

from benchmarks.fits import trained
from benchmarks.limits import Point, matrix_speed, operations, share
from benchmarks.results import HERE, RESULTS, Result, here, when
from benchmarks.timing import child, say
from seedbed.config.build import build_data, build_task
from seedbed.config.compose import composed, plain
from seedbed.data.tokens import TokensDataModule
from seedbed.nets.gpt import GPT
from seedbed.record.directory import write_json
from seedbed.report.style import COLOURS, GREY, new_figure

MINUTES = 4.0
EXPERIMENT = "poem_gpt_sprint"
TURNS = 3
FIT = (
    "experiment=poem_gpt_sprint",
    "data.evaluation_batches=2",
    "max_steps=40",
    "val_check_interval=40",
)
TWO = ("trainer=ddp", "trainer.devices=2")
WAYS = {
    "one process of one thread": ("1", ()),
    "one process of two threads": ("2", ()),
    "two processes of one thread each": ("2", TWO),
}
"""The threads of all processes together, and how the processes are asked for."""


def measure() -> None:
    """Fit each way, alternating, and keep how fast each was."""
    around = here()
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(TURNS):
        for way, (threads, asked) in WAYS.items():
            fit = trained(*FIT, *asked, OMP_NUM_THREADS=threads)
            [(_, rate)] = fit.run.curve("throughput/tokens_per_second", "step")
            rates[way].append(rate)
            say(f"{way}: {rates[way][-1]:,.0f} characters a second")
    limits = {
        threads: child("benchmarks.processes", OMP_NUM_THREADS=threads)
        for threads in sorted({threads for threads, _ in WAYS.values()})
    }
    write_json(RESULTS / "processes.json", {"rates": rates, "limits": limits} | around)


def limit() -> float:
    """Characters a second at which this machine would do the fit's arithmetic."""
    config = plain(composed([*FIT]))
    data = build_data(config)
    data.setup()
    net, counts = build_task(config, data.sizes).net, cast(TokensDataModule, data).counts
    return matrix_speed() / operations(cast(GPT, net), counts)


def section(found: Result) -> str:
    """What the page says of it."""
    alone = found["rates"]["one process of one thread"]
    rows = []
    for way, rates in found["rates"].items():
        gain = median(rate / one for rate, one in zip(rates, alone, strict=True))
        reached = share(_point(found, way))
        rows.append(f"| {way} | {median(rates):,.0f} ({reached:.0%}) | {gain:.2f} |")
    return SECTION.format(
        table="\n".join(rows),
        turns=TURNS,
        date=when(found),
        load=found["load"],
        machine=found["machine"],
    )


SECTION = """
## Processes

`poem_gpt_sprint`'s fit, 8 windows a step of all processes together, 40 steps, the first ones among
them, {turns} turns of each way; {machine}, {date}, load {load:.1f}.

![Characters a second, and the limit](processes.png)

| | characters a second (share of the limit) | times as many as one thread |
|---|---|---|
{table}
"""


def _point(found: Result, way: str) -> Point:
    threads, _ = WAYS[way]
    return {"rate": median(found["rates"][way]), "limit": found["limits"][threads]}


def draw(found: Result) -> None:
    """Characters a second of each way, with the limit of its threads."""
    figure = new_figure(5.5, 3.5)
    axes = figure.subplots()
    for place, way in enumerate(WAYS):
        point = _point(found, way)
        axes.bar(place, point["rate"], width=0.5, color=COLOURS[0])
        axes.plot([place - 0.35, place + 0.35], [point["limit"]] * 2, "--", color=GREY)
        axes.annotate(f"{share(point):.0%}", (place, point["rate"]), ha="center", va="bottom")
    axes.set_xticks(range(len(WAYS)), [way.replace(" of ", "\nof ") for way in WAYS])
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylabel("characters a second\n(dashed: the limit)")
    figure.savefig(HERE / "processes.png")


if __name__ == "__main__":
    print(json.dumps(limit()))
