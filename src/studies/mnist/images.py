"""Anyone's picture of a digit, made into what the nets were trained on.

MNIST's authors scaled each digit, its proportions kept, to fit a box of 20 × 20 pixels, and put it
into 28 × 28 with its centre of mass in the middle, white on black. The same is done here to any
image that shows one digit. Price: a picture with a shadow or with lines is taken for more ink.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from seedbed.data.rows import NewRows, RowsDataModule
from seedbed.errors import DataError


class DigitImages(RowsDataModule):
    """Images of one digit each; what `seedbed predict` is given is made like them."""

    provided_sizes = (*RowsDataModule.provided_sizes, "channels")
    kind = "multiclass"
    image_box: ClassVar[int]
    """The pixels that a digit's longer side gets."""
    image_centre: ClassVar[float]
    """Where a digit has its centre of mass, in pixels from the top, and from the left."""

    def read_inputs(self, source: Path) -> NewRows:
        """Read an image, or a folder of them, a row each.

        Raises:
            DataError: Naming the image that cannot be used.
        """
        size, files = self.state_dict()["shape"][-1], image_files(source)
        images = [
            read_digit(file, size=size, box=self.image_box, centre=self.image_centre)
            for file in files
        ]
        return NewRows(["file"], [[file.name] for file in files], torch.stack(images))


SUFFIXES = (".png", ".jpg", ".jpeg")

FAINT = 0.2
"""Ink below this share of the darkest is paper's grain, or what JPEG leaves around an edge."""


def image_files(source: Path) -> list[Path]:
    """The file itself, or a folder's images, by name.

    Raises:
        DataError: If there is none.
    """
    if source.is_dir():
        files = sorted(path for path in source.iterdir() if path.suffix.lower() in SUFFIXES)
        if not files:
            raise DataError(f"{source}: has no images; expected {', '.join(SUFFIXES)} files.")
        return files
    if source.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"{source}: expected an image, {', '.join(SUFFIXES)}, or a folder of them, because the "
            "run learnt from images."
        )
    return [source]


def read_digit(path: Path, *, size: int, box: int, centre: float) -> Tensor:
    """Read an image as a digit (1, size, size) with pixels from 0 to 1.

    Args:
        path: The file.
        size: Pixels a side of what is returned.
        box: Pixels that the longer side of the digit gets.
        centre: Where its centre of mass gets, to half a pixel, from the top and from the left.

    Raises:
        DataError: If it is no image, or shows nothing.
    """
    ink = _ink(path)
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > FAINT) for axis in (1, 0))
    digit = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = box / max(digit.size)
    width, height = (max(1, round(side * scale)) for side in digit.size)
    pixels = np.asarray(digit.resize((width, height), Image.Resampling.BILINEAR)).clip(0, 1)
    top, left = _corner(pixels, size, centre)
    image = torch.zeros(1, size, size)
    image[0, top : top + height, left : left + width] = torch.from_numpy(pixels)
    return image


def _ink(path: Path) -> np.ndarray:
    """How much ink is where, float32 (height, width): 0 the paper, 1 the most."""
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except Exception as error:  # a decoder may raise anything about a file
        raise DataError(f"{path}: cannot be read as an image ({error}).") from None
    paper = Image.new("RGBA", upright.size, "white")  # behind what is transparent
    grey = np.asarray(Image.alpha_composite(paper, upright).convert("L"), dtype=np.float32)
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = float(np.median(edge))
    ink = background - grey if background > 127 else grey - background
    if ink.max() < 1:
        raise DataError(f"{path}: shows nothing; expected one digit on plain ground.")
    shown: np.ndarray = (ink / ink.max()).clip(0, 1)
    return shown


def _corner(pixels: np.ndarray, size: int, centre: float) -> tuple[int, int]:
    """Top and left that put the centre of mass where it is to be, if all pixels stay inside."""
    corner = []
    for axis in (0, 1):
        weights = pixels.sum(axis=1 - axis)
        mass = float((weights * (np.arange(len(weights)) + 0.5)).sum() / weights.sum())
        corner.append(min(max(round(centre - mass), 0), size - len(weights)))
    return corner[0], corner[1]
