from typing import Any

import pytest
import torch
from torchvision import models

from seedbed.config.build import construct
from seedbed.errors import SettingError
from seedbed.nets.torchvision_net import TorchvisionNet


@pytest.mark.parametrize("channels", [1, 3])
def test_net_computes_what_torchvisions_own_does(channels: int) -> None:
    net = TorchvisionNet(channels=channels, outputs=5, model="resnet18").eval()
    own = models.resnet18(weights=None, num_classes=5).eval()
    own.load_state_dict(net.model.state_dict())
    images = torch.rand(2, channels, 32, 32)
    expected = own(images if channels == 3 else torch.cat([images] * 3, dim=1))
    torch.testing.assert_close(net(images), expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "resnet17"}, "model=resnet17: no such classifier; .*resnet18"),
        ({"model": "inception_v3"}, "no such classifier"),
        ({"channels": 2}, "resnet18 takes images of 1 or 3 channels, got 2"),
    ],
)
def test_model_that_takes_no_such_images_is_refused(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TorchvisionNet(**{"channels": 3, "outputs": 2, **settings})


@pytest.mark.parametrize(
    "setting", [{"weights": "DEFAULT"}, {"weights": "IMAGENET1K_V1"}, {"pretrained": True}]
)
def test_no_configuration_makes_torchvision_download_weights(
    setting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", asked.append)
    node = {"_target_": "torchvision.models.resnet18", **setting}
    with pytest.raises(SettingError, match="would be downloaded"):
        construct(node, "net")
    assert asked == []
