"""Two processes that train one net, beside one: characters a second within the poem GPT's fit."""

from statistics import median

from benchmarks.fits import trained
from benchmarks.results import RESULTS, circumstances, kept, when
from benchmarks.timing import say
from seedbed.runs.directory import write_json

MINUTES = 4.0
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
    """Fit each way by turns, and keep how fast each was."""
    around = circumstances()
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(TURNS):
        for way, (threads, asked) in WAYS.items():
            fit = trained(*FIT, *asked, OMP_NUM_THREADS=threads)
            [(_, rate)] = fit.run.curve("throughput/tokens_per_second", "step")
            rates[way].append(rate)
            say(f"{way}: {rates[way][-1]:,.0f} characters a second")
    write_json(RESULTS / "processes.json", {"rates": rates} | around)


def section() -> str:
    """What the page says of it; nothing before it was measured."""
    found = kept("processes")
    if not found:
        return ""
    alone = found["rates"]["one process of one thread"]
    rows = []
    for way, rates in found["rates"].items():
        gain = median(rate / one for rate, one in zip(rates, alone, strict=True))
        rows.append(f"| {way} | {median(rates):,.0f} | {gain:.2f} |")
    return SECTION.format(
        table="\n".join(rows),
        turns=TURNS,
        date=when(found),
        load=found["load"],
    )


SECTION = """
## Processes

`poem_gpt_sprint`'s fit, 8 windows a step of all processes together, 40 steps, the first ones among
them, {turns} turns of each way; {date}, load {load:.1f}.

| | characters a second | times as many as one thread |
|---|---|---|
{table}
"""
