"""Any images in files, a folder a class: their classes are to be predicted.

Each is read once before the fit, so that a broken one is named then. A set that is small is held in
memory as bytes, where a batch is one indexing call; of a larger one each epoch reads the files anew
in worker processes. Trade-off: of an image that is not square the middle square is taken.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from seedbed.data.augment import Augment
from seedbed.data.image_list import Listed, listed
from seedbed.data.labelled_images import NAMED, LabelledImages, Pixels, read_images, read_pixels
from seedbed.data.loader import in_order
from seedbed.data.parts import Parts, check_shares, checked, stratified_parts
from seedbed.data.resumable import ResumableLoader
from seedbed.data.rows import EVALUATED, Rows, RowSplits
from seedbed.errors import DataError, SettingError
from seedbed.processes.distributed import size as processes

LARGEST_SIZE = 4096
"""Pixels a side beyond which one image alone takes hundreds of megabytes."""

IN_MEMORY = 2**30
"""Bytes up to which all images are held in memory, unless `in_memory` says otherwise."""


class Images(LabelledImages):
    """Images (N, channels, size, size), of which a batch has pixels from 0 to 1, against classes.

    Args:
        path: A folder that holds a folder of images for each class, or such folders within `train`,
            `val` and `test`; or a CSV file of `file,label`.
        size: Pixels a side that every image is made into.
        channels: 3 for colour, 1 for grey.
        skip_broken: Leave out the images that cannot be read, in place of refusing them.
        in_memory: Whether all are held in memory; None where they take no more than a GiB.
        workers: Processes that read images where they are not; None for one a core, up to 4.
        validation: Share of each class that is for validation, where no folder is.
        test: Share of each class that is for test, where no folder is.
        split_seed: Fixes which image goes to which part.
        folds: Into how many folds the images that are not for test are dealt; null for none.
        fold: Which of them validates, from 0.
        batch_size: Images a batch, or `full`.
        seed: Fixes the order of the training images.
        input_noise: Deviation of the noise that training adds to the inputs.
        augment: How training changes its images: by the settings of a `RandomAffine`, or a list of
            transforms.
    """

    def __init__(
        self,
        *,
        path: str,
        size: int = 64,
        channels: Pixels = 3,
        skip_broken: bool = False,
        in_memory: bool | None = None,
        workers: int | None = None,
        validation: float = 0.1,
        test: float = 0.2,
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
        check_shares(validation=validation, test=test)
        if not 1 <= size <= LARGEST_SIZE or (workers or 0) < 0:
            raise ValueError(
                f"size={size}, workers={workers}: expected 1 to {LARGEST_SIZE}, and 0 or more"
            )
        self.path = Path(path).expanduser()
        self.size = size
        self.channels: Pixels = channels
        self.skip_broken = skip_broken
        self.in_memory = in_memory
        self.workers = min(4, os.cpu_count() or 1) if workers is None else workers
        self.validation = validation
        self.test = test
        self.split_seed = split_seed
        self._files: list[Path] = []

    def load(self) -> RowSplits:
        """Read every image once, and split them evenly by class where no folders do.

        Raises:
            DataError: Naming what cannot be used.
            SettingError: If a whole part is to be a batch that is not held in memory.
        """
        images = listed(self.path)
        room = len(images) * self.channels * self.size**2
        held = room <= IN_MEMORY if self.in_memory is None else self.in_memory
        if self.batch_size == "full" and not held:
            raise SettingError("data.batch_size=full: expected images that are held in memory.")
        files = [image.file for image in images]
        read = read_images(
            files,
            size=self.size,
            channels=self.channels,
            skip_broken=self.skip_broken,
            held=held,
        )
        images = [image for image, one in zip(images, read, strict=True) if one]
        found = [one for one in read if one]
        labels = sorted({image.label for image in images if image.part in (None, "train")})
        classes = self._classes(images, labels)
        train, val, test = parts = self._parts(images, classes)
        pixels = torch.from_numpy(np.stack([one[1] for one in found])) if held else None
        self._files = [] if held else [image.file for image in images]
        self.remarks = self._remarks(len(read), len(found), labels, room=room, held=held)

        def rows(part: Tensor) -> Rows:
            return (part if pixels is None else pixels[part]), torch.from_numpy(classes)[part]

        digest = hashlib.sha256(b"".join(one[0] for one in found) + "\n".join(labels).encode())
        counts = dict(zip(("train", "val", "test"), map(len, parts), strict=True))
        facts = {"source": str(self.path), "sha256": digest.hexdigest(), **counts}
        return RowSplits(
            train=rows(train),
            val=rows(val),
            test=rows(test),
            outputs=len(labels),
            labels=labels,
            facts=facts | ({"broken": len(read) - len(found)} if self.skip_broken else {}),
        )

    def _classes(self, images: Sequence[Listed], labels: Sequence[str]) -> np.ndarray:
        """The number of each image's class (N,)."""
        if len(labels) < 2:
            raise DataError(f"{self.path}: has one class, {labels[0]!r}; expected 2 or more.")
        numbers = {label: number for number, label in enumerate(labels)}
        for image in images:
            if image.label not in numbers:
                raise DataError(f"{image.file}: {image.label!r} is no class of the training part.")
        return np.array([numbers[image.label] for image in images])

    def _parts(self, images: Sequence[Listed], classes: np.ndarray) -> Parts:
        """The numbers of each part's images; what no folder holds is drawn from training's."""
        train, val, test = (
            np.flatnonzero([image.part in held for image in images])
            for held in ((None, "train"), ("val",), ("test",))
        )
        missing = [name for name, part in (("val", val), ("test", test)) if not len(part)]
        if missing:
            shares = {"val": self.validation, "test": self.test}
            drawn = stratified_parts(
                classes[train],
                validation=shares[missing[0]],
                test=shares["test"] if len(missing) == 2 else 0.0,
                seed=self.split_seed,
                source=str(self.path),
            )
            train, first, second = (train[part.numpy()] for part in drawn)
            val = first if "val" in missing else val
            test = (second if "val" in missing else first) if "test" in missing else test
        parts = torch.from_numpy(train), torch.from_numpy(val), torch.from_numpy(test)
        parts = checked(parts, str(self.path))
        return self.folded(parts, seed=self.split_seed, source=str(self.path), classes=classes)

    def _remarks(
        self, count: int, read: int, labels: Sequence[str], *, room: int, held: bool
    ) -> list[str]:
        """What the opening lines say: classes, what is left out, and where the images are held."""
        shown = ", ".join(labels[:NAMED]) + (", …" if len(labels) > NAMED else "")
        place = f"held in memory, {room / 2**20:,.1f} MiB"
        if not held:
            place = f"{room / 2**30:.1f} GiB, read anew each epoch, workers {self.workers}"
        said = [f"{read:,} images of {len(labels)} classes ({shown}), {place}"]
        return said + ([f"left out: {count - read:,} broken images"] if read < count else [])

    # --- batches ----------------------------------------------------------------------------------

    def _loader(self, rows: Rows, *, train: bool = False) -> Any:
        if not self._files:
            return super()._loader(rows, train=train)
        dataset = ImageFiles(
            [self._files[number] for number in rows[0]],
            rows[1].tolist(),
            size=self.size,
            channels=self.channels,
        )
        share = int(self.batch_size)
        if train:
            share = max(1, share // processes())
            loader = DataLoader(dataset, batch_size=share, shuffle=True, num_workers=self.workers)
            return PixelLoader(loader, seed=self.seed)
        count = len(dataset)
        share = max(share, EVALUATED)
        return self.batches(dataset.batch, in_order(count), size=count, batch_size=share)

    # --- what a checkpoint knows ------------------------------------------------------------------

    def preprocessing_state(self) -> dict[str, Any]:
        """What all rows have, and the classes' labels."""
        return super().preprocessing_state() | {"shape": [self.channels, self.size, self.size]}

    def check_state(self, state: Any) -> None:
        """Check that the shape is this one's, and that each class has a label."""
        super().check_state(state)
        if state["shape"] != [self.channels, self.size, self.size]:
            raise ValueError("of the data: expected images of data.size and data.channels")


@dataclass(frozen=True, eq=False)
class ImageFiles(Dataset[tuple[Tensor, int]]):
    """Pairs of pixels, uint8 (channels, size, size), and class, read from files."""

    files: Sequence[Path]
    """A file an image."""
    classes: Sequence[int]
    size: int
    channels: Pixels

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        pixels = read_pixels(self.files[number], size=self.size, channels=self.channels)
        return torch.from_numpy(pixels), self.classes[number]

    def batch(self, numbers: Tensor) -> Rows:
        """These images (B, channels, size, size), from 0 to 1, and classes, read by threads."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            images, classes = zip(*pool.map(self.__getitem__, numbers.tolist()), strict=True)
        return torch.stack(images) / 255, torch.tensor(classes)


class PixelLoader(ResumableLoader):
    """Batches of pixels from 0 to 1; the workers hand them over as bytes, which is less."""

    def __iter__(self) -> Iterator[Rows]:
        for images, classes in super().__iter__():
            yield images / 255, classes
