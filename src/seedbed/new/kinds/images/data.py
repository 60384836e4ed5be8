"""Drawn squares and rings. Replace `load` by your own images; the rest can stay.

A folder of images for each class needs no code at all: `experiment=images data.path=FOLDER`.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from seedbed.data.augment import Augment
from seedbed.data.parts import random_parts
from seedbed.data.rows import RowsDataModule, RowSplits


class Shapes(RowsDataModule):
    """Images, uint8 (N, 1, 16, 16), against classes (N,): 0 a square, 1 a ring.

    Args:
        images: Number of images, of all parts.
        split_seed: Fixes the images, and which of them goes to which part.
        batch_size: Images a batch, or `full`.
        seed: Fixes the order of the training images.
        input_noise: Standard deviation of the noise that training adds to the inputs.
        augment: How training moves its images.
    """

    kind = "multiclass"
    provided_sizes: ClassVar = (*RowsDataModule.provided_sizes, "channels")

    def __init__(
        self,
        *,
        images: int = 400,
        split_seed: int = 42,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
        augment: Augment | None = None,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise, augment=augment)
        self.images = images
        self.split_seed = split_seed

    def load(self) -> RowSplits:
        """Draw the images, and deal them to the three parts."""
        generator = torch.Generator().manual_seed(self.split_seed)
        classes = torch.randint(2, (self.images,), generator=generator)
        images = torch.stack([_drawn(bool(ring), generator) for ring in classes])
        train, val, test = random_parts(
            len(images), validation=0.2, test=0.2, seed=self.split_seed, source="the images"
        )
        return RowSplits(
            train=(images[train], classes[train]),
            val=(images[val], classes[val]),
            test=(images[test], classes[test]),
            outputs=2,  # classes
            facts={"source": "drawn", "train": len(train)},  # kept in the run's record
            labels=["square", "ring"],
        )


def _drawn(ring: bool, generator: torch.Generator) -> Tensor:
    """A filled square or a ring at some place, uint8 (1, 16, 16), from 0 (black) to 255."""
    image = torch.randint(0, 60, (16, 16), generator=generator)
    top, left = (int(place) for place in torch.randint(1, 8, (2,), generator=generator))
    image[top : top + 7, left : left + 7] += 150
    if ring:
        image[top + 2 : top + 5, left + 2 : left + 5] -= 150
    return image.to(torch.uint8)[None]
