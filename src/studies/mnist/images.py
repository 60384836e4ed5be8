"""A user's picture of a digit, made into what the nets were trained on.

MNIST's authors scaled each digit, its proportions kept, to fit a box of 20 × 20 pixels, and put it
into 28 × 28 with its centre of mass in the middle, white on black. The same is done here to any
image that shows one digit. Trade-off: a picture with a shadow or with lines is taken for more ink.
"""

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seedbed.data.pictures import image_files, names, on_paper, read_picture
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
        return NewRows(["file"], names(files, source), torch.stack(images))


FAINT = 0.2
"""Ink below this share of the darkest is paper's grain, or what JPEG leaves around an edge."""


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
    picture = read_picture(path)
    if picture.mode == "RGBA":
        picture = on_paper(picture, _paper(picture))
    if picture.mode != "F":
        picture = picture.convert("L")
    grey = np.asarray(picture, dtype=np.float32)
    if picture.mode == "F":  # of 16 bits, of which few may be used
        grey = grey * (255 / max(float(grey.max()), 1e-9))
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = float(np.median(edge))
    middle = (float(grey.max()) + float(grey.min())) / 2  # paper in the shade is below 127
    ink = background - grey if background > middle else grey - background
    if ink.max() < 1:
        raise DataError(f"{path}: shows nothing; expected one digit on plain ground.")
    shown: np.ndarray = (ink / ink.max()).clip(0, 1)
    return shown


def _paper(picture: Image.Image) -> str:
    """The colour on which what is drawn on a transparent ground is seen."""
    grey, alpha = np.moveaxis(np.asarray(picture.convert("LA")), 2, 0)
    return "black" if grey[alpha > 127].min(initial=255) > 127 else "white"


def _corner(pixels: np.ndarray, size: int, centre: float) -> tuple[int, int]:
    """Top and left that put the centre of mass where it is to be, if all pixels stay inside."""
    corner = []
    for axis in (0, 1):
        weights = pixels.sum(axis=1 - axis)
        mass = float((weights * (np.arange(len(weights)) + 0.5)).sum() / weights.sum())
        corner.append(min(max(round(centre - mass), 0), size - len(weights)))
    return corner[0], corner[1]
