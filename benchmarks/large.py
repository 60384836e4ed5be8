"""A text larger than the memory that is taken for it: made into tokens, and trained on.

    python -m benchmarks.large made FOLDER
    python -m benchmarks.large trained FOLDER

The first makes a text of 4 GB into tokens. The second trains a small GPT on 4 billion tokens, and
then alternates between these and a part of them that is held in memory. Both print JSON. Their
memory is the kernel's `RssAnon`: what no file stands behind, torch itself among it.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any

import numpy as np

from benchmarks.lines import Line, Measured, at_least, at_most, speed
from benchmarks.timing import Pair, child, say

TEXT = 4 * 10**9
TOKENS = 4 * 10**9
HELD = 4 * 10**8
DOCUMENT = 1000
CHARACTERS = "\0□" + "".join(map(chr, range(0x4E00, 0x4E00 + 998)))
PAIRS = 15
STEPS = 20
LIMIT = 2**30
STATUS = Path("/proc/self/status")


@contextmanager
def anonymous() -> Iterator[list[int]]:
    """The most bytes of anonymous memory that the process has, looked at fifty times a second."""
    most, over = [0], Event()

    def watch() -> None:
        while not over.wait(0.02):
            lines = STATUS.read_text().splitlines()
            (line,) = (line for line in lines if line.startswith("RssAnon:"))
            most[0] = max(most[0], int(line.split()[1]) * 1024)

    thread = Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()


def made(folder: Path) -> dict[str, Any]:
    """Make a text of letters drawn at random into tokens; no document of it is there twice."""
    from seedbed.data.text import Text

    draw = np.random.default_rng(0)
    letters = np.frombuffer(b"etaoinshrdlucmfwygpbvk    ", dtype=np.uint8)
    bodies = [draw.choice(letters, DOCUMENT - 14).tobytes().strip() for _ in range(1000)]
    with (folder / "text.txt").open("wb") as file:
        for number in range(TEXT // DOCUMENT):
            file.write(b"%011d %s\n\n" % (number, bodies[number % len(bodies)]))
    with anonymous() as most:
        started = time.process_time()
        data = Text(data_dir=str(folder), path=str(folder / "text.txt"))
        data.setup()
        seconds = time.process_time() - started
    return {"characters": len(data.splits.train), "seconds": seconds, "bytes": most[0]}


def trained(folder: Path) -> dict[str, Any]:
    """Train on tokens most of which are one token, in a file that takes little of the disk."""
    from seedbed.config.build import build_optimizer, build_task
    from seedbed.config.compose import composed, plain
    from seedbed.data import cache
    from seedbed.data.text import Text
    from seedbed.data.tokens import TokenSplits
    from seedbed.data.vocabulary import Vocabulary

    def make(place: Path) -> TokenSplits:
        path = cache.stream_file(place, "train")
        stream = np.lib.format.open_memmap(path, "w+", dtype=np.uint16, shape=(TOKENS,))
        some = np.random.default_rng(0).integers(len(CHARACTERS), size=10**6, dtype=np.uint16)
        stream[: len(some)] = some
        return TokenSplits(Vocabulary(CHARACTERS), stream, some, None)

    class Made(Text):
        def load(self) -> TokenSplits:
            return cache.tokens(folder, "large", make)

    with anonymous() as most:
        data = Made(data_dir=str(folder), path="", batch_size=8)
        config = plain(composed(["experiment=text", "net.depth=1"]))
        task: Any = build_task(config, data.sizes)
        task.configure_from_data(data)
        optimizer = build_optimizer(config, task.net)

        def take(batches: Iterator[Any]) -> float:
            began = time.process_time()  # waits for others on a shared machine left out
            for batch in islice(batches, STEPS):
                optimizer.zero_grad()
                task.step(batch).loss.backward()
                optimizer.step()
            return time.process_time() - began

        mapped = iter(data.train_dataloader())
        take(mapped)
    found = most[0]
    data._splits = replace(data.splits, train=data.splits.train[:HELD].copy())
    held = iter(data.train_dataloader())
    take(held)
    pairs = []
    for turn in range(PAIRS):
        sides = [mapped, held] if turn % 2 else [held, mapped]
        times = [take(side) for side in sides]
        pairs.append(times if turn % 2 else times[::-1])
    return {"bytes": found, "pairs": pairs}


def making() -> Measured:
    """A process that makes the tokens."""
    with TemporaryDirectory() as folder:
        found = child("benchmarks.large", "made", folder)
    share = found["bytes"] / LIMIT
    detail = f"{share * 1024:,.0f} MiB; {found['characters']:,} characters for training"
    say(detail)
    return Measured(share, f"{detail}; {found['seconds']:,.0f} s of one core", [(share, 1.0)])


def training() -> Measured:
    """A process that makes the file and trains on it."""
    with TemporaryDirectory() as folder:
        found = child("benchmarks.large", "trained", folder)
    share = found["bytes"] / LIMIT
    return Measured(share, f"{share * 1024:,.0f} MiB; {TOKENS:,} tokens", [(share, 1.0)])


def steps() -> Measured:
    """Steps, alternating."""
    with TemporaryDirectory() as folder:
        found = child("benchmarks.large", "trained", folder)
    pairs: list[Pair] = [(mapped, held) for mapped, held in found["pairs"]]
    return speed(pairs, f"s of one core for {STEPS} steps", f"of {TOKENS:,} and of {HELD:,} tokens")


LINES = (
    Line(
        name="large.made",
        what="anonymous memory of making 4 GB of text into tokens",
        baseline="1 GiB",
        target=at_most(1.0),
        measure=making,
        minutes=5,
    ),
    Line(
        name="large.trained",
        what="anonymous memory of training on 4 billion tokens, mapped from a file of 8 GB",
        baseline="1 GiB",
        target=at_most(1.0),
        measure=training,
        minutes=2,
    ),
    Line(
        name="large.steps",
        what="steps of a GPT of one layer on tokens that are mapped from that file",
        baseline="the same steps on tokens in memory",
        target=at_least(0.97),
        measure=steps,
        minutes=2,
    ),
)

if __name__ == "__main__":
    way = {"made": made, "trained": trained}[sys.argv[1]]
    print(json.dumps(way(Path(sys.argv[2]))))
