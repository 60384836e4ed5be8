"""A convolutional net for images: stages of convolutions, each on a coarser image than the last.

What the last stage gives is averaged over a grid of fixed size, so one net takes images of any size
and only needs to know their channels; a side of one pixel is halved no further.
Trade-off: an image that is no multiple of the grid is averaged over cells that overlap.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GridAverages(nn.AdaptiveAvgPool2d):
    """Averages over the cells of a grid, at no cost where each cell is one pixel."""

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, grid, grid)."""
        return maps if maps.shape[2:] == self.output_size else super().forward(maps)


class Halved(nn.Module):
    """The maximum of 2 × 2 pixels; of what has one pixel a side left, that one."""

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, H // 2, W // 2), each 1 or more."""
        return F.max_pool2d(maps, [min(2, side) for side in maps.shape[2:]])


class CNN(nn.Module):
    """Convolutions, each with batch norm and ReLU, a grid of averages, and a linear head.

    Args:
        channels: Channels of an image.
        outputs: Logits an image.
        widths: Channels of each stage.
        depth: Convolutions a stage.
        kernel: Side of each filter; odd, so that a convolution keeps the image's size.
        halve: What halves an image's side in each stage: the maximum of 2 × 2 pixels after its last
            convolution (`pool`), or a step of two in its first (`stride`), which costs a quarter.
        grid: Side of the grid that the last stage's channels are averaged to; 1 averages all.
        dropout: Share of the grid's values set to zero in training.

    Raises:
        ValueError: If a stage has no width, a number is below 1, the kernel even, or `dropout` not
            a share.
    """

    def __init__(
        self,
        *,
        channels: int,
        outputs: int,
        widths: Sequence[int] = (16, 32, 64),
        depth: int = 2,
        kernel: int = 3,
        halve: Literal["pool", "stride"] = "pool",
        grid: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if min(widths, default=0) < 1:
            raise ValueError(f"widths={[*widths]}: expected a width of 1 or more for each stage")
        if min(depth, grid) < 1:
            raise ValueError(f"depth={depth}, grid={grid}: expected 1 or more")
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel={kernel}: expected an odd number")
        layers: list[nn.Module] = []
        for width in widths:
            for number in range(depth):
                stride = 2 if halve == "stride" and number == 0 else 1
                layers += [
                    nn.Conv2d(channels, width, kernel, stride, padding=kernel // 2, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                ]
                channels = width
            if halve == "pool":
                layers.append(Halved())
        self.body = nn.Sequential(
            *layers, GridAverages((grid, grid)), nn.Flatten(), nn.Dropout(dropout)
        ).to(memory_format=torch.channels_last)
        self.head = nn.Linear(channels * grid**2, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, channels, H, W), of any size, to logits (B, outputs)."""
        # The filters' memory format, which convolutions are faster in and pass on; to ask for it by
        # name would leave images of a single channel alone.
        images = images.movedim(1, -1).contiguous().movedim(-1, 1)
        logits: Tensor = self.head(self.body(images))
        return logits
