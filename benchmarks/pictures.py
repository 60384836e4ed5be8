"""The pictures that the documents show of what runs learnt: `make docs-pictures` draws them again.

Each is of a real run, made anew in a temporary folder, at settings by which all of them take some
minutes. Those of the lessons' sweeps, which `docs/questions.md` has, are those sweeps' own.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from benchmarks.lines import removed
from seedbed.config.compose import composed, plain
from seedbed.record.directory import SEEDBED, RunDirectory
from seedbed.report.picture import Picture, pictures_of
from seedbed.report.style import COLOURS, GREY, drawing, panels
from seedbed.runs.execute import execute
from seedbed.runs.view import open_view

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"

SHADES = 96
"""In a file."""

QUIET = ("report=false", "logger=csv", "print_every=1000000")


@dataclass(frozen=True)
class Shown:
    """A run, and which of its pictures are shown as which files."""

    overrides: tuple[str, ...]
    files: dict[str, str]
    """Files by the pictures' names."""


PLAIN = ("data.batch_size=full", "optimizer=sgd", "optimizer.lr=0.5", "max_epochs=100")
"""Plain descent of all rows at once, whose path is a curve."""

WIGGLY = (
    *("net.basis=legendre", "net.scale=3", "net.degree=14", "data.points=15"),
    *("optimizer.weight_decay=0", "optimizer.lr=0.1", "max_epochs=500"),
)
"""A polynomial that passes by every point."""

RUNS = [
    Shown(("experiment=cubic",), {"fit": "fit", "line": "line"}),
    Shown(("experiment=linear",), {"landscape": "landscape"}),
    Shown(
        ("experiment=cubic", "net=polynomial", *WIGGLY),
        {"fit": "wiggle"},
    ),
    *(
        Shown(
            ("experiment=exam", "net=linear", "net.bias=false", f"task.{penalty}", *PLAIN),
            {"landscape": name},
        )
        for penalty, name in (("l1=0.1", "diamond"), ("l2=0.1", "circle"))
    ),
    Shown(("experiment=sine",), {"fit": "sine"}),
    Shown(("experiment=exam",), {"surface": "surface", "ranking": "ranking"}),
    Shown(
        ("experiment=mnist", "data=digits"),
        {"confusion": "confusion", "worst": "worst", "filters": "filters", "classes": "classes"},
    ),
    Shown(
        ("experiment=poem_gpt", "data=verse", "prompt='秋江長歌'", "max_steps=60"),
        {"lens": "lens"},
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

SUITED = {"sgd": 0.01, "momentum": 0.01, "rmsprop": 0.1, "adam": 0.3, "adagrad": 3}
"""Rates of five optimizers in the valley."""

SWEEPS = {
    "valley": [f"optimizer={optimizer} optimizer.lr={rate}" for optimizer, rate in SUITED.items()],
    "hills": [f"init=constant init.bias=1 init.value={start}" for start in (0.5, 2, 3, 5)],
}
"""What is compared, by the experiment."""

KINDS = {"valley": ("paths", "curves"), "hills": ("paths",)}
"""The comparison's pictures that are shown."""


def main(only: Sequence[str]) -> None:
    """Draw the pictures, or those of some experiments only."""
    drawn: list[tuple[str, Callable[[Path], None]]] = [
        *((shown.overrides[0], partial(_draw, shown)) for shown in RUNS),
        *((f"experiment={name}", partial(_draw_sweep, name, SWEEPS[name])) for name in SWEEPS),
        ("experiment=line", _draw_smoothed),
    ]
    with TemporaryDirectory(prefix="seedbed-pictures-") as scratch:
        for number, (experiment, draw) in enumerate(drawn):
            if only and experiment.partition("=")[2] not in only:
                continue
            if removed(experiment):
                print(f"{experiment} was removed: its pictures stay as they are")
            else:
                draw(Path(scratch) / str(number))


def _run(folder: Path, overrides: Sequence[str]) -> None:
    known = [*overrides, *QUIET]
    run = RunDirectory.create(folder, plain(composed(known)))
    execute(run.path)


def _draw(shown: Shown, folder: Path) -> None:
    _run(folder, shown.overrides)
    for picture in pictures_of(open_view(folder)):
        if name := shown.files.get(picture.name):
            _write(FOLDER / f"{name}.png", picture.png)


def _draw_sweep(name: str, runs: Sequence[str], folder: Path) -> None:
    for number, overrides in enumerate(runs):
        _run(folder / str(number), [f"experiment={name}", *overrides.split()])
    command = [*SEEDBED, "compare", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    for kind in KINDS[name]:
        _write(FOLDER / f"{name}_{kind}.png", (folder / f"{kind}.png").read_bytes())


def _draw_smoothed(_: Path) -> None:
    """Gradients of single rows at one place, and what momentum makes of them."""
    from studies.points.points import Line

    inputs, targets = (part.flatten() for part in Line(points=300).splits.train)
    gradients = (2 * (1.5 * inputs - targets) * inputs).tolist()  # of y = 1.5 x
    with drawing():
        figure, [axes] = panels([2.6])
        axes.plot(gradients, ".", color=GREY, markersize=3, label="of single rows")
        for colour, beta in zip(COLOURS[3:], (0.5, 0.9, 0.99), strict=False):
            means, mean = [], 0.0
            for step, gradient in enumerate(gradients, start=1):
                mean = beta * mean + (1 - beta) * gradient
                means.append(mean / (1 - beta**step))
            axes.plot(means, color=colour, linewidth=1.3, label=f"smoothed, β = {beta}")
        axes.set_xlabel("row")
        axes.set_ylabel("gradient")
        axes.legend(loc="lower right", ncols=2)
        _write(FOLDER / "smoothed.png", Picture("smoothed", "", "", figure).png)


def _write(file: Path, content: bytes) -> None:
    """Place a picture with few colours, which is a third of its size."""
    Image.open(BytesIO(content)).convert("RGB").quantize(SHADES).save(file, optimize=True)
    print(f"{file.relative_to(ROOT)}  {file.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
