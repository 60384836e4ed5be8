"""Training images moved a little, each in its own way: as many new ones as there are steps.

A whole batch is moved in one call, on the device it is on; the pictures' classes must not depend on
how they stand. Trade-off: pixels are blended from four, so an image gets a little softer.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seedbed.errors import SettingError


class RandomAffine(nn.Module):
    """Turns, scales and shifts each image by amounts drawn uniformly; what was outside is black.

    Args:
        degrees: The largest turn, either way.
        zoom: The largest change of size, either way, as a share of it.
        shift: The largest shift along each axis, either way, as a share of the image's side.

    Raises:
        ValueError: If one is below 0, or a zoom would leave nothing.
    """

    def __init__(self, *, degrees: float = 0.0, zoom: float = 0.0, shift: float = 0.0) -> None:
        super().__init__()
        if not (degrees >= 0 and 0 <= zoom < 1 and shift >= 0):
            raise ValueError(
                f"degrees={degrees}, zoom={zoom}, shift={shift}: expected 0 or more, and a zoom "
                "below 1"
            )
        self.degrees = degrees
        self.zoom = zoom
        self.shift = shift

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, C, H, W) to images of the same shape."""
        if not (self.degrees or self.zoom or self.shift):
            return images
        turn, zoom, right, down = torch.rand(4, len(images), device=images.device) * 2 - 1
        angle, size = turn * math.radians(self.degrees), 1 + zoom * self.zoom
        # From where each pixel comes, in units of half a side from the middle.
        cos, sin = angle.cos() / size, angle.sin() / size
        rows = [cos, -sin, right * 2 * self.shift, sin, cos, down * 2 * self.shift]
        inverse = torch.stack(rows, dim=1).view(-1, 2, 3)  # (B, 2, 3)
        grid = F.affine_grid(inverse, [*images.shape], align_corners=False)  # (B, H, W, 2)
        return F.grid_sample(images, grid.to(images.dtype), align_corners=False)


class EachImage(nn.Module):
    """Others' transforms, one after the other, of each image by itself.

    Theirs would draw once for a whole batch. Trade-off: a call an image, where `RandomAffine` has
    one a batch.

    Args:
        transforms: Modules that map an image (C, H, W) to another of the same shape, as those of
            `torchvision.transforms.v2`.
    """

    def __init__(self, transforms: Sequence[nn.Module]) -> None:
        super().__init__()
        self.transforms = nn.ModuleList(transforms)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, C, H, W) to images of the same shape.

        Raises:
            SettingError: Naming the transform that cannot take an image, or changes its shape.
        """
        return torch.stack([*map(self._changed, images)])

    def _changed(self, image: Tensor) -> Tensor:
        shape = image.shape
        for transform in self.transforms:
            name = type(transform).__name__
            try:
                image = transform(image)
            except (TypeError, ValueError) as error:
                raise SettingError(f"data.augment: {name}: {error}") from error
            if not isinstance(image, Tensor) or not image.is_floating_point():
                raise SettingError(f"data.augment: {name}: expected to give real numbers.")
        if image.shape != shape:
            raise SettingError(
                f"data.augment: expected images of {[*shape]} from it, got {[*image.shape]}."
            )
        return image


Augment = nn.Module | Mapping[str, float] | Sequence[nn.Module]
"""How images are changed: a module of whole batches, the arguments of `RandomAffine`, or what
`EachImage` is made from, among which a `RandomAffine` is of whole batches."""


def augmentation(augment: Augment) -> nn.Module:
    """The module that changes a batch of images.

    Raises:
        ValueError: If `RandomAffine` has not these arguments.
    """
    if isinstance(augment, Mapping):
        names = ("degrees", "zoom", "shift")
        if unknown := {*augment} - {*names}:
            raise ValueError(f"augment: no setting {min(unknown)}; expected {', '.join(names)}")
        return RandomAffine(**augment)
    if not isinstance(augment, Sequence):
        return augment
    runs = groupby(augment, lambda one: isinstance(one, RandomAffine))
    return nn.Sequential(
        *(nn.Sequential(*some) if of_batches else EachImage([*some]) for of_batches, some in runs)
    )
