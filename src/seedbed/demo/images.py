"""The page of images: draw one or drop one, and see how likely each class is."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from seedbed.data.pictures import on_paper
from seedbed.demo.outputs import as_bars
from seedbed.errors import DataError
from seedbed.runs.load import LoadedRun
from seedbed.runs.predict import predict

CANVAS = 320
"""Pixels a side of what is drawn on."""

BRUSH = 22
"""Pixels that its pen is wide."""

MOST_BARS = 10


TAKE_PEN = """
function take() {
  const pen = document.querySelector('button[aria-label="Brush"]');
  pen ? pen.click() : setTimeout(take, 100);
}
"""
"""What the page begins with: Gradio's canvas would wait for a tool to be chosen."""


def build(gradio: Any, runs: Sequence[LoadedRun]) -> str:
    """Fill the page; returns what it begins with."""
    with gradio.Row():
        with gradio.Column(scale=1, min_width=CANVAS + 20):
            canvas = gradio.Sketchpad(
                label="draw",
                type="pil",
                brush=gradio.Brush(default_size=BRUSH, colors=["#000000"], color_mode="fixed"),
                layers=False,
                transforms=(),
                canvas_size=(CANVAS, CANVAS),
                fixed_canvas=True,
                format="png",
                buttons=[],
            )
            dropped = gradio.Image(
                label="or drop an image", type="pil", sources=["upload", "clipboard"], height=160
            )
        outputs = []
        for number, run in enumerate(runs, start=1):
            name = run.directory.path.name
            with gradio.Column(scale=1, min_width=260):
                label = name if len(runs) == 1 else f"{number}: {name}"
                outputs.append(gradio.Label(label=label, num_top_classes=MOST_BARS))

    def classified(picture: Image.Image | None) -> Any:
        """Each run's bars; of nothing, and of an empty canvas, none."""
        bars: list[Any] = [None] * len(runs)
        if picture and np.ptp(np.asarray(shown := on_paper(picture.convert("RGBA")))):
            bars = [_classes(run, shown) for run in runs]
        return bars if len(bars) > 1 else bars[0]  # as Gradio expects of a single output

    def drawn(value: dict[str, Any] | None) -> Any:
        return classified((value or {}).get("composite"))

    for source, update in ((canvas, drawn), (dropped, classified)):
        source.change(update, source, outputs, show_progress="hidden", trigger_mode="always_last")
    return TAKE_PEN


def _classes(run: LoadedRun, picture: Image.Image) -> Any:
    with TemporaryDirectory(prefix="seedbed-demo-") as folder:
        file = Path(folder) / "drawn.png"
        picture.save(file)
        try:
            header, line = predict(run, file)
        except DataError as error:
            return str(error).partition(": ")[2]
    return as_bars(run, [*map(str, header[1:])], line[1:])
