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
from typing import Any

from benchmarks.results import RESULTS, circumstances, kept, threads_of, when
from benchmarks.timing import child, say
from seedbed.runs.directory import write_json

CORPORA = ("tang", "tang,song")
MINUTES = 3.0
STEPS = 12


def measure() -> None:
    """Make each corpus, read it again, and keep what both took."""
    from seedbed.data.fetch import data_dir, fetch
    from seedbed.data.poems import SONG_POEMS, TANG_POEMS

    around = circumstances()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for download in (TANG_POEMS, SONG_POEMS):
            Path(folder, download.name).symlink_to(fetch(download, data_dir()))
        for dynasties in CORPORA:
            made, read = (child("benchmarks.corpora", dynasties, folder) for _ in range(2))
            found[dynasties] = [made, read]
            say(
                f"{dynasties}: {read['characters']:,} characters, made in {made['seconds']:.1f} s, "
                f"read in {read['seconds']:.2f} s, {read['rate']:,.0f} characters a second"
            )
    write_json(RESULTS / "corpora.json", {"corpora": found} | around)


def loaded(dynasties: str, folder: str) -> dict[str, float]:
    """Load a corpus in this process, and train the poem GPT on it."""
    from benchmarks.memory import raised_by
    from seedbed.build import build_data, build_optimizer, build_task
    from seedbed.compose import composed, plain
    from seedbed.data.poems import Poems

    os.environ["SEEDBED_DATA_DIR"] = folder
    config = plain(composed(["experiment=poem_gpt", f"data.dynasties=[{dynasties}]"]))
    data = build_data(config)
    assert isinstance(data, Poems)
    started = time.perf_counter()
    raised = raised_by(data.setup)
    seconds = time.perf_counter() - started
    task = build_task(config, data.sizes)
    task.fit_to(data)
    optimizer = build_optimizer(config, task.net)
    times = []
    for batch in islice(data.train_dataloader(), STEPS):
        began = time.perf_counter()
        optimizer.zero_grad()
        task.step(batch).loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        times.append(time.perf_counter() - began)
    return {
        "poems": data.facts["train_poems"],
        "characters": len(data.splits.train),
        "vocabulary": len(data.vocabulary),
        "seconds": seconds,
        "mebibytes": raised / 2**20,
        "rate": batch[0].numel() / median(times[2:]),
    }


def section() -> str:
    """What the page says of it; nothing before it was measured."""
    found = kept("corpora")
    if not found:
        return ""
    rows = [
        f"| {dynasties.replace(',', ', ')} | {read['poems']:,} | {read['characters']:,} "
        f"| {read['vocabulary']:,} | {made['seconds']:.1f} s, {made['mebibytes']:,.0f} MiB "
        f"| {read['seconds']:.2f} s, {read['mebibytes']:,.0f} MiB | {read['rate']:,.0f} |"
        for dynasties, (made, read) in found["corpora"].items()
    ]
    return SECTION.format(
        table="\n".join(rows),
        date=when(found),
        load=found["load"],
        threads=threads_of(found),
    )


SECTION = """
## The corpus

The training parts of the Tang poems, and of all with the Song; the default poem GPT, whose
vocabulary grows with the corpus. Memory is what loading needs beyond the imports; {threads},
{date}, load {load:.1f}.

| dynasties | poems | characters | vocabulary | made into tokens | read again | trained a second |
|---|---|---|---|---|---|---|
{table}
"""

if __name__ == "__main__":
    print(json.dumps(loaded(*sys.argv[1:])))
