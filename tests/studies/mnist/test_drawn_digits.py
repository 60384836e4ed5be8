"""Pictures of digits, however they are drawn, read by runs on digits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures import Command
from made import executed
from PIL import Image

from seedbed.record.directory import RunDirectory
from seedbed.runs.load import load
from seedbed.runs.predict import predict


def trained(folder: Path, *overrides: str) -> RunDirectory:
    return executed(folder / "run", "experiment=mnist", "logger=csv", *overrides)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A classifier of scikit-learn's digits that gets about nine of ten right."""
    small = ("data=digits", "max_epochs=8", "net.hidden=[64]", "net.dropout=0", "optimizer.lr=0.01")
    return trained(tmp_path_factory.mktemp("digits"), *small)


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """One epoch of MNIST's own digits."""
    return trained(tmp_path_factory.mktemp("mnist"), "max_epochs=1")


def test_large_dark_drawings_are_read(digits: RunDirectory, tmp_path: Path) -> None:
    pictures, labels = load(digits.path).datamodule.splits.test
    for number, picture in enumerate(pictures[:40]):
        canvas = np.full((200, 260), 240.0)
        canvas[30:158, 70:198] -= 230 * np.kron(picture[0].numpy(), np.ones((16, 16)))
        Image.fromarray(canvas.astype(np.uint8)).save(tmp_path / f"{number:02}.png")
    _, *rows = predict(load(digits.path), tmp_path)
    right = [row[1] == label for row, label in zip(rows, labels[:40].tolist(), strict=True)]
    assert np.mean(right) > 0.8


def test_picture_that_shows_nothing_is_named(
    digits: RunDirectory, seedbed: Command, tmp_path: Path
) -> None:
    Image.new("L", (9, 9), 255).save(tmp_path / "blank.png")
    called = seedbed("predict", digits.path, tmp_path / "blank.png")
    assert (called.status, "blank.png" in called.err) == (2, True)


LOOKS: dict[str, Callable[[np.ndarray], Image.Image]] = {
    "as they are": Image.fromarray,
    "large, dark on light": lambda ink: drawn(255 - np.kron(ink, np.ones((5, 5))), 255),
    "far off the centre": lambda ink: drawn(np.pad(ink, ((90, 3), (2, 150))), 0),
    "small": lambda ink: Image.fromarray(ink).resize((20, 20), Image.Resampling.BILINEAR),
    "pale, in colour": lambda ink: Image.merge(
        "RGB", [drawn(230 - 0.5 * ink, 230), drawn(220 - 0.7 * ink, 220), drawn(235 - ink / 3, 235)]
    ),
    "transparent": lambda ink: Image.merge(
        "RGBA", [Image.new("L", (28, 28), 40)] * 3 + [Image.fromarray(ink)]
    ),
}


def drawn(pixels: np.ndarray, paper: int) -> Image.Image:
    """Grey levels, with a margin of paper."""
    framed = np.pad(pixels, 9, constant_values=paper)
    return Image.fromarray(framed.round().clip(0, 255).astype(np.uint8))


@pytest.mark.corpus
def test_mnists_digits_are_read_about_as_well_however_they_are_drawn(
    mnist: RunDirectory, tmp_path: Path
) -> None:
    run, count = load(mnist.path), 300
    pixels, labels = (column[:count] for column in run.datamodule.splits.test)
    with torch.no_grad():
        originals = int((run.net(pixels / 255).argmax(dim=1) == labels).sum())
    right = {}
    for look, draw in LOOKS.items():
        (folder := tmp_path / look).mkdir()
        for number, image in enumerate(pixels):
            draw(image[0].numpy()).save(folder / f"{number:03}.png")
        _, *rows = predict(run, folder)
        right[look] = sum(row[1] == y for row, y in zip(rows, labels.tolist(), strict=True))
    assert originals > 0.93 * count
    assert min(right.values()) >= originals - 0.02 * count, (originals, right)
