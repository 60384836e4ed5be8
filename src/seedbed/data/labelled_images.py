"""What all data of images with a class each share: how a picture becomes pixels, and the labels.

Trade-off: of an image that is not square the middle square is taken.
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image, ImageOps

from seedbed.data.pictures import image_files, names, on_paper, read_picture
from seedbed.data.rows import NewRows, RowsDataModule, of_type
from seedbed.errors import DataError

NAMED = 5
"""Broken files up to which each is named."""

Pixels = Literal[1, 3]


class LabelledImages(RowsDataModule):
    """Images (N, channels, size, size) as bytes, against classes (N,) that have labels."""

    provided_sizes = (*RowsDataModule.provided_sizes, "channels")
    kind = "multiclass"
    skip_broken = False
    """Whether `read_inputs` leaves out the images that cannot be read."""

    def read_inputs(self, source: Path) -> NewRows:
        """Read an image, or a folder of them, a row each, as the training images were read.

        Raises:
            DataError: Naming the images that cannot be read.
        """
        files = image_files(source)
        channels, size, _ = self.state_dict()["shape"]
        read = read_images(
            files, size=size, channels=channels, skip_broken=self.skip_broken, held=True
        )
        pixels = np.stack([one[1] for one in read if one])
        cells = [cell for cell, one in zip(names(files, source), read, strict=True) if one]
        return NewRows(["file"], cells, torch.from_numpy(pixels) / 255)

    def preprocessing_state(self) -> dict[str, Any]:
        """What all rows have, and the classes' labels."""
        return super().preprocessing_state() | {"labels": self.splits.labels}

    def check_state(self, state: Any) -> None:
        """Check that the shape is that of images, and that each class has a label."""
        rest = {**of_type(state, dict[str, Any])}
        labels = of_type(rest.pop("labels", None), list[str])
        super().check_state(rest)
        if len(labels) != state["outputs"]:
            raise ValueError("of the data: expected a label a class")
        if len(state["shape"]) != 3 or state["shape"][0] not in (1, 3):
            raise ValueError("of the data: expected images of 1 or 3 channels")

    def difference(self, state: dict[str, Any]) -> str:
        """Say that classes differ."""
        return "The checkpoint's data has other classes, or images of another size, than this."


def read_images(
    files: Sequence[Path], *, size: int, channels: Pixels, skip_broken: bool, held: bool
) -> list[tuple[bytes, np.ndarray] | None]:
    """A digest of each image, and its pixels if they are held; None for one that is broken.

    Raises:
        DataError: Naming the broken ones, if they are not to be left out, or nothing would be left.
    """

    def read(file: Path) -> tuple[bytes, np.ndarray] | DataError:
        if file.exists() and not file.is_file():  # a pipe would wait, and a device have no end
            return DataError(f"{file}: cannot be read as an image (it is no regular file).")
        try:
            pixels = read_pixels(file, size=size, channels=channels)
        except DataError as error:
            return error
        return hashlib.sha256(pixels.tobytes()).digest(), pixels if held else pixels[:0]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        read_ones = [*pool.map(read, files)]
    broken = [str(one) for one in read_ones if isinstance(one, DataError)]
    if len(broken) == len(files) or (broken and not skip_broken):
        more = f"\nand {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        raise DataError(
            "\n".join(broken[:NAMED]) + f"{more}\n{len(broken)} of {len(files)} images cannot "
            "be read. data.skip_broken=true leaves such out."
        )
    return [None if isinstance(one, DataError) else one for one in read_ones]


def read_pixels(path: Path, *, size: int, channels: Pixels) -> np.ndarray:
    """Read an image as bytes (channels, size, size): its middle square, on white.

    Raises:
        DataError: If it cannot be read.
    """
    picture = read_picture(path)
    if picture.mode == "F":
        picture = Image.fromarray(np.asarray(picture).round().astype(np.uint8))
    elif picture.mode == "RGBA":
        picture = on_paper(picture)
    picture = picture.convert("RGB" if channels == 3 else "L")
    square = ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
    pixels = np.asarray(square).reshape(size, size, channels)
    return pixels.transpose(2, 0, 1).copy()  # of what torch may not write to
