"""Image sets that torchvision knows: fetched, compared with their checksums, and read by it.

A set is fetched into a folder beside its place, which one rename gives it, so what is there is
whole. What comes as pickles, which could run code, is opened by torchvision only after its checksum
is found right. Trade-off: torchvision's own downloads have no second mirror.
"""

import gzip
import hashlib
import http.client
import inspect
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from seedbed.data.augment import Augment
from seedbed.data.labelled_images import LabelledImages
from seedbed.data.parts import held_out
from seedbed.data.rows import Rows, RowSplits
from seedbed.errors import DataError, FetchError, MirrorsError, SettingError, nearest

FOLDER = "torchvision"
"""Within the data folder: a folder a set, laid out within as torchvision does."""

SILENCE = 30.0
"""Seconds without a byte after which a server is given up."""

ALIKE = ["self", "root", "train", "transform", "target_transform", "download"]
"""The arguments of the sets that are used alike."""


class TorchvisionImages(LabelledImages):
    """Images (N, channels, size, size) of a set of torchvision's, against its classes (N,).

    The official test set is the test part; validation is dealt from the official training set.

    Args:
        data_dir: Where data sets are kept.
        dataset: The set's name in `torchvision.datasets`: one of 28 × 28 pixels in the form of
            `FashionMNIST`, or of 32 × 32 in colour in that of `CIFAR10`.
        validation: Number of images for validation.
        split_seed: Fixes which images these are.
        batch_size: Images a batch, or `full`.
        seed: Fixes the order of the training images.
        input_noise: Deviation of the noise that training adds to the inputs.
        augment: How training changes its images.
    """

    def __init__(
        self,
        *,
        data_dir: str,
        dataset: str,
        validation: int = 10_000,
        split_seed: int = 42,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
        augment: Augment | None = None,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise, augment=augment)
        if validation < 1:
            raise SettingError(f"data.validation={validation}: expected 1 image or more.")
        self.data_dir = Path(data_dir).expanduser()
        self.dataset = dataset
        self.set_class = _set_class(dataset)
        self.validation = validation
        self.split_seed = split_seed

    def fetch(self) -> Path:
        """Fetch the set, if it is not there yet; return its folder.

        Raises:
            MirrorsError: If torchvision's server does not deliver it.
            FetchError: If it cannot be kept.
        """
        folder = self.data_dir / FOLDER / self.dataset
        if folder.exists():
            return folder
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_name(f".{self.dataset}.lock")):
                if not folder.exists():  # another run may have fetched it meanwhile
                    self._download(folder)
        except PermissionError as error:
            raise FetchError(
                f"{self.dataset} cannot be kept in {self.data_dir} ({error.strerror}). Grant "
                "access there, or name another folder in SEEDBED_DATA_DIR."
            ) from None
        return folder

    def _download(self, folder: Path) -> None:
        print(f"fetching {self.dataset} by torchvision", file=sys.stderr, flush=True)
        with TemporaryDirectory(prefix=f".{self.dataset}-", dir=folder.parent) as scratch:
            arrived = Path(scratch) / "set"
            try:
                with _patience(SILENCE):
                    self.set_class(arrived, download=True)
            except PermissionError:
                raise
            except (RuntimeError, OSError, EOFError, http.client.HTTPException) as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise MirrorsError(
                    f"{self.dataset} was not delivered: {reason}\nTo use a copy you have, set "
                    f"SEEDBED_DATA_DIR=FOLDER, with torchvision's own files in "
                    f"FOLDER/{FOLDER}/{self.dataset}; data=images takes any folder of images."
                ) from None
            arrived.rename(folder)

    def load(self) -> RowSplits:
        """Have torchvision read the set, fetched if need be.

        Raises:
            DataError: If a file is not as it was published.
        """
        folder = self.fetch()
        with _explained(folder):
            _verify(self.set_class, folder)
            official, tested = (self.set_class(folder, train=train) for train in (True, False))
            images, labels = _rows(official)
            test = _rows(tested)
        train, val, _ = held_out(len(images), self.validation, seed=self.split_seed)
        digest = hashlib.sha256()
        for part in (images, labels, *test):
            digest.update(part.numpy().data)
        return RowSplits(
            train=(images[train], labels[train]),
            val=(images[val], labels[val]),
            test=test,
            outputs=len(official.classes),
            labels=[*map(str, official.classes)],
            facts={
                "source": self.dataset,
                "sha256": digest.hexdigest(),
                "train": len(train),
                "val": len(val),
                "test": len(test[0]),
            },
        )


def _set_class(name: str) -> Any:
    """A set's class.

    Raises:
        ValueError: If there is none of this name, with those that there are.
    """
    from torchvision import datasets  # takes a second to import

    known = {
        found
        for found in vars(datasets).values()
        if inspect.isclass(found) and (hasattr(found, "resources") or hasattr(found, "train_list"))
        if [*inspect.signature(found.__init__).parameters] == ALIKE
    }
    by_name = {found.__name__: found for found in known}
    if name not in by_name:
        raise ValueError(f"dataset={name}: no such set of images; {nearest(name, by_name)}")
    return by_name[name]


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """Raise an error where a server does not answer; torchvision itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, OSError, EOFError, ValueError, AssertionError, LookupError) as error:
        reason = str(error).partition(". You can use")[0] or type(error).__name__
        raise DataError(
            f"{folder}: not as torchvision's checksums say ({reason}). Remove the folder to fetch "
            "it again."
        ) from None


def _verify(set_class: Any, folder: Path) -> None:
    """Compare what torchvision unpacks, and then reads unchecked, with its archives.

    Raises:
        ValueError: Naming a file that differs.
    """
    from torchvision.datasets.utils import check_integrity

    for name, checksum in getattr(set_class, "resources", ()):
        archive = folder / set_class.__name__ / "raw" / name
        if not check_integrity(archive, checksum):
            raise ValueError(f"{name} is missing or altered")
        if gzip.decompress(archive.read_bytes()) != archive.with_suffix("").read_bytes():
            raise ValueError(f"{archive.stem} is altered")


def _rows(found: Any) -> Rows:
    """Pixels, uint8 (N, channels, size, size), and classes of a set of torchvision's."""
    pixels: Tensor = torch.from_numpy(np.ascontiguousarray(found.data))
    shaped = pixels[:, None] if pixels.ndim == 3 else pixels.movedim(-1, 1)
    return shaped.contiguous(), torch.as_tensor(found.targets)
