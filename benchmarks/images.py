"""20,000 images of 64 × 64 in files: an epoch of batches, beside a plain torchvision script.

    python -m benchmarks.images plain|files|held FOLDER

prints the seconds of one epoch's batches as JSON. The plain script is the usual one:
`ImageFolder`, `ToTensor`, a shuffled `DataLoader` with as many workers.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.lines import Line, Measured, at_least, speed
from benchmarks.timing import child, interleaved

COUNT, SIDE, CLASSES = 20_000, 64, 10
WORKERS, BATCH = 2, 64
PAIRS = 5


def _write(folder: Path) -> None:
    """Smooth pictures with some noise, as PNG, a folder a class."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(COUNT):
        coarse = random.integers(256, size=(8, 8, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        noise = random.integers(4, size=(SIDE, SIDE, 3), dtype=np.uint8)
        place = folder / str(number % CLASSES)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(smooth) // 2 + noise).save(place / f"{number}.png")


def _plain(folder: str) -> Iterator[Any]:
    from torch.utils.data import DataLoader
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import ToTensor

    dataset = ImageFolder(folder, ToTensor())
    yield from DataLoader(dataset, batch_size=BATCH, shuffle=True, num_workers=WORKERS)


def _ours(folder: str, *, held: bool) -> Iterator[Any]:
    from seedbed.data.images import Images

    data = Images(
        path=folder, size=SIDE, batch_size=BATCH, workers=WORKERS, in_memory=held,
        validation=0.0001, test=0.0001,
    )  # fmt: skip
    data.setup()
    yield None
    for batch in data.train_dataloader():
        yield data.on_after_batch_transfer(batch, 0)


def _epoch(way: str, folder: str) -> dict[str, float]:
    batches = _plain(folder) if way == "plain" else _ours(folder, held=way == "held")
    if way != "plain":
        next(batches)  # its look at every file before the first epoch
    started = time.perf_counter()
    images = sum(len(batch[0]) for batch in batches)
    return {"seconds": (time.perf_counter() - started) * COUNT / images}


def _compared(way: str) -> Measured:
    with TemporaryDirectory() as folder:
        _write(Path(folder))

        def seconds(how: str) -> float:
            return float(child("benchmarks.images", how, folder)["seconds"])

        pairs = interleaved(lambda: seconds(way), lambda: seconds("plain"), pairs=PAIRS)
    ours, theirs = (sorted(side)[len(pairs) // 2] for side in zip(*pairs, strict=True))
    each = f"{COUNT / ours:,.0f} against {COUNT / theirs:,.0f} images a second"
    return speed(pairs, f"s for {COUNT:,} images", each)


LINES = (
    Line(
        name="images.files",
        what=f"an epoch of {COUNT:,} images of {SIDE} × {SIDE} read from files, {WORKERS} workers",
        baseline="torchvision's ImageFolder and a DataLoader with as many",
        target=at_least(1.0),
        measure=lambda: _compared("files"),
        minutes=5,
    ),
    Line(
        name="images.held",
        what="an epoch of the same images held in memory, as they are by default",
        baseline="torchvision's ImageFolder and a DataLoader with 2 workers",
        target=at_least(1.0),
        measure=lambda: _compared("held"),
        minutes=5,
    ),
)

if __name__ == "__main__":
    print(json.dumps(_epoch(*sys.argv[1:])))
