"""The pictures that the documents show of what runs learnt: `make docs-pictures` draws them again.

Each is of a real run, made anew in a temporary folder, at settings by which all of them take some
minutes. Those of the lessons' sweeps, which `docs/questions.md` has, are those sweeps' own.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from seedbed.config.compose import composed, plain
from seedbed.record.directory import RunDirectory
from seedbed.report.picture import pictures_of, png
from seedbed.runs.execute import execute
from seedbed.runs.view import open_view

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"

COLOURS = 96
"""In a file."""

QUIET = ("report=false", "logger=csv", "print_every=1000000")


@dataclass(frozen=True)
class Shown:
    """A run, and which of its pictures are shown as which files."""

    overrides: tuple[str, ...]
    files: dict[str, str]
    """Files by the pictures' names."""


RUNS = [
    Shown(("experiment=cubic",), {"fit": "fit", "line": "line"}),
    Shown(("experiment=linear",), {"landscape": "landscape"}),
    Shown(("experiment=exam",), {"surface": "surface", "ranking": "ranking"}),
    Shown(
        ("experiment=mnist", "data=digits"),
        {"confusion": "confusion", "worst": "worst", "filters": "filters", "classes": "classes"},
    ),
    Shown(
        ("experiment=poem_gpt", "max_steps=300", "val_check_interval=50"),
        {
            "training": "training",
            "next": "next",
            "attention": "attention",
            "neighbours": "neighbours",
            "samples": "samples",
        },
    ),
]

VALLEY = {"sgd": 0.01, "momentum": 0.01, "rmsprop": 0.1, "adam": 0.3, "adagrad": 3}
"""Five optimizers, each at a rate that suits it."""


def main(only: Sequence[str]) -> None:
    """Draw the pictures, or those of some experiments only."""
    with TemporaryDirectory(prefix="seedbed-pictures-") as scratch:
        for number, shown in enumerate(RUNS):
            if not only or shown.overrides[0].partition("=")[2] in only:
                _draw(shown, Path(scratch) / str(number))
        if not only or "valley" in only:
            _draw_valley(Path(scratch) / "valley")


def _run(folder: Path, overrides: Sequence[str]) -> None:
    known = [*overrides, *QUIET]
    run = RunDirectory.create(folder, plain(composed(known)))
    execute(run.path)


def _draw(shown: Shown, folder: Path) -> None:
    _run(folder, shown.overrides)
    for picture in pictures_of(open_view(folder)):
        if name := shown.files.get(picture.name):
            _write(FOLDER / f"{name}.png", png(picture))


def _draw_valley(folder: Path) -> None:
    for optimizer, rate in VALLEY.items():
        overrides = ["experiment=valley", f"optimizer={optimizer}", f"optimizer.lr={rate}"]
        _run(folder / optimizer, overrides)
    command = [sys.executable, "-m", "seedbed", "compare", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    for name in ("paths", "curves"):
        _write(FOLDER / f"valley_{name}.png", (folder / f"{name}.png").read_bytes())


def _write(file: Path, content: bytes) -> None:
    """Place a picture with few colours, which is a third of its size."""
    Image.open(BytesIO(content)).convert("RGB").quantize(COLOURS).save(file, optimize=True)
    print(f"{file.relative_to(ROOT)}  {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
