"""What a corpus costs before its first step, and whether a step is slower: the Tang poems, and all.

    python -m benchmarks.corpora tang,song FOLDER

makes a corpus into tokens where FOLDER has its files and not yet the tokens, or else reads these,
trains on it for some steps, and prints a line of JSON.
"""

import json
import os
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, cast

from benchmarks.limits import Point, draw_rates, matrix_speed, operations, share
from benchmarks.results import HERE, RESULTS, Result, here, place_of, when
from benchmarks.timing import child, say
from seedbed.nets.gpt import GPT
from seedbed.record.directory import write_json
from seedbed.report.style import COLOURS, GREY, new_figure

CORPORA = ("tang", "tang,song")
MINUTES = 5.0
EXPERIMENT = "poem_gpt"
STEPS = 12
TURNS = 5


def measure() -> None:
    """Make each corpus, read it again, and keep what both took."""
    from seedbed.data.fetch import data_dir, fetch
    from studies.poems.poems import SONG_POEMS, TANG_POEMS

    around = here()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for download in (TANG_POEMS, SONG_POEMS):
            Path(folder, download.name).symlink_to(fetch(download, data_dir()))
        for dynasties in CORPORA:
            turns = [child("benchmarks.corpora", dynasties, folder) for _ in range(TURNS)]
            found[dynasties] = turns
            made, read = _made_and_read(turns)
            say(
                f"{dynasties}: {read['characters']:,} characters, made in {made['seconds']:.1f} s, "
                f"read in {read['seconds']:.2f} s, {read['rate']:,.0f} characters a second"
            )
    write_json(RESULTS / "corpora.json", {"corpora": found} | around)


def loaded(dynasties: str, folder: str) -> dict[str, float]:
    """Load a corpus in this process, and train the poem GPT on it."""
    from benchmarks.memory import raised_by
    from seedbed.config.build import build_data, build_optimizer, build_task
    from seedbed.config.compose import composed, plain
    from studies.poems.poems import Poems

    os.environ["SEEDBED_DATA_DIR"] = folder
    config = plain(composed(["experiment=poem_gpt", f"data.dynasties=[{dynasties}]"]))
    data = build_data(config)
    assert isinstance(data, Poems)
    started = time.perf_counter()
    raised = raised_by(data.setup)
    seconds = time.perf_counter() - started
    task = build_task(config, data.sizes)
    task.configure_from_data(data)
    optimizer = build_optimizer(config, task.net)
    times = []
    for batch in islice(data.train_dataloader(), STEPS):
        began = time.perf_counter()
        optimizer.zero_grad()
        task.step(batch).loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - began)
    parts = (data.splits.train, data.splits.val, data.splits.test)
    return {
        "poems": data.facts["train_poems"],
        "characters": len(data.splits.train),
        "bytes": sum(part.nbytes for part in parts if part is not None),
        "vocabulary": len(data.vocabulary),
        "seconds": seconds,
        "mebibytes": raised / 2**20,
        "rate": batch[0].numel() / median(times[2:]),
        "limit": matrix_speed() / operations(cast(GPT, task.net), data.counts),
    }


def _made_and_read(turns: list[Point]) -> tuple[Point, Point]:
    """The process that made the tokens, and the last that read them, with the rate of them all."""
    return turns[0], turns[-1] | {"rate": median(one["rate"] for one in turns)}


def section(found: Result) -> str:
    """What the page says of it."""
    rows = [
        f"| {dynasties.replace(',', ', ')} | {read['poems']:,} | {read['characters']:,} "
        f"| {read['vocabulary']:,} | {made['seconds']:.1f} s, {made['mebibytes']:,.0f} MiB "
        f"| {read['seconds']:.2f} s, {read['mebibytes']:,.0f} MiB "
        f"| {read['rate']:,.0f} ({share(read):.0%}) |"
        for dynasties, turns in found["corpora"].items()
        for made, read in [_made_and_read(turns)]
    ]
    return SECTION.format(
        table="\n".join(rows),
        date=when(found),
        load=found["load"],
        turns=len(found["corpora"][CORPORA[0]]),
        place=place_of(found),
    )


SECTION = """
## The corpus

The training parts of the Tang poems, and of all with the Song; the default poem GPT, whose
vocabulary grows with the corpus. Memory is what loading needs beyond the imports, and its limit the
tokens of all parts; characters trained on a second, the median of {turns} processes, stand with
their share of the limit; {place}, {date}, load {load:.1f}.

![Characters a second and the limit; the memory of loading](corpora.png)

| dynasties | poems | characters | vocabulary | made into tokens | read again | trained a second |
|---|---|---|---|---|---|---|
{table}
"""


def draw(found: Result) -> None:
    """Characters a second and the memory of loading, over the length of the corpus."""
    made, read = zip(*map(_made_and_read, found["corpora"].values()), strict=True)
    lengths = [one["characters"] for one in read]
    figure = new_figure(9, 3.5)
    rates, memory = figure.subplots(1, 2)
    draw_rates(rates, lengths, read)
    memory.plot(lengths, [one["bytes"] / 2**20 for one in read], "--", color=GREY)
    for way, points, colour in (
        ("made into tokens", made, COLOURS[1]),
        ("read again", read, COLOURS[2]),
    ):
        memory.plot(lengths, [p["mebibytes"] for p in points], "o-", color=colour, label=way)
    memory.set_ylabel("memory of loading, MiB\n(dashed: the tokens alone)")
    memory.legend()
    for axes in (rates, memory):
        axes.set_xscale("log")
        names = (name.replace(",", " and ") for name in found["corpora"])
        ticks = [f"{name}\n{n / 1e6:.1f} million" for name, n in zip(names, lengths, strict=True)]
        axes.set_xticks(lengths, ticks)
        axes.minorticks_off()
        axes.margins(x=0.2)
        axes.set_xlabel("characters for training")
    memory.set_yscale("log")
    rates.set_ylim(bottom=0)
    rates.yaxis.set_major_formatter("{x:,.0f}")
    figure.savefig(HERE / "corpora.png")


if __name__ == "__main__":
    print(json.dumps(loaded(*sys.argv[1:])))
