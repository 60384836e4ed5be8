"""The classifiers of torchvision.models by their names, with weights that are drawn anew.

Grey images are shown to all three of the channels that they expect. Nothing is downloaded.
"""

from torch import Tensor, nn

from seedbed.errors import nearest

OTHERS = ("googlenet", "inception_v3")
"""Those that give more than logits in training."""


class TorchvisionNet(nn.Module):
    """A classifier of torchvision's.

    Args:
        channels: Channels of an image, 1 or 3.
        outputs: Logits an image.
        model: Its name there, as `resnet18`.

    Raises:
        ValueError: If there is no such model, or it takes no such images.
    """

    def __init__(self, *, channels: int, outputs: int, model: str = "resnet18") -> None:
        super().__init__()
        from torchvision import models  # takes a second to import

        known = {*models.list_models(module=models)} - {*OTHERS}
        if model not in known:
            raise ValueError(f"model={model}: no such classifier; {nearest(model, known)}")
        if channels not in (1, 3):
            raise ValueError(f"{model} takes images of 1 or 3 channels, got {channels}")
        self.model = models.get_model(model, weights=None, num_classes=outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 1 or 3, H, W) to logits (B, outputs)."""
        logits: Tensor = self.model(images.expand(-1, 3, -1, -1))
        return logits
