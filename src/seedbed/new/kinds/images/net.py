"""A small net. `channels` and `outputs` come from the data; all else is a setting of its YAML."""

from torch import Tensor, nn


class Net(nn.Module):
    """Two convolutions, an average over the image, and a linear head.

    Args:
        channels: Channels of an image; from the data.
        outputs: Classes; from the data.
        width: Channels after each convolution.
        dropout: Share of the averages set to zero in training.
    """

    def __init__(self, *, channels: int, outputs: int, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            *(nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(width, width, 3, padding=1), nn.ReLU()),
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, channels, H, W) to logits (B, outputs)."""
        averages = self.stages(images).mean(dim=(2, 3))  # (B, width)
        logits: Tensor = self.head(self.dropout(averages))
        return logits
