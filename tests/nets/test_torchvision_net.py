import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from seedbed.config.build import construct
from seedbed.errors import DataError, FetchError, SettingError
from seedbed.nets.torchvision_net import TorchvisionNet


@pytest.mark.parametrize("channels", [1, 3])
def test_net_computes_what_torchvisions_own_does(channels: int) -> None:
    net = TorchvisionNet(channels=channels, outputs=5, model="resnet18").eval()
    own = models.resnet18(weights=None, num_classes=5).eval()
    head = {f"fc.{name}": weight for name, weight in net.head.state_dict().items()}
    own.load_state_dict(net.model.state_dict() | head)
    images = torch.rand(2, channels, 32, 32)
    expected = own(images if channels == 3 else torch.cat([images] * 3, dim=1))
    torch.testing.assert_close(net(images), expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "resnet17"}, "model=resnet17: no such classifier; .*resnet18"),
        ({"model": "inception_v3"}, "no such classifier"),
        ({"channels": 2}, "resnet18 takes images of 1 or 3 channels, got 2"),
        ({"pretrained": "IMAGENET"}, "pretrained=IMAGENET: no such weights; .*IMAGENET1K_V1"),
        ({"pretrained": "DEFAULT", "weights": "a.pth"}, "expected one of them"),
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


# --- weights that are given -----------------------------------------------------------------------

SMALL = "shufflenet_v2_x0_5"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    """A classifier of 7 classes whose weights and running means are not those it was made with."""
    model: nn.Module = models.get_model(SMALL, weights=None, num_classes=7)
    model(torch.rand(4, 3, 32, 32))
    return model.eval()


@pytest.fixture
def file(trained: nn.Module, tmp_path: Path) -> Path:
    torch.save(trained.state_dict(), tmp_path / "own.pth")
    return tmp_path / "own.pth"


def net(file: Path, outputs: int = 7, channels: int = 3) -> TorchvisionNet:
    return TorchvisionNet(channels=channels, outputs=outputs, model=SMALL, weights=str(file)).eval()


def test_net_computes_what_the_weights_were_trained_for(trained: nn.Module, file: Path) -> None:
    images = torch.rand(2, 3, 32, 32)
    mean, deviation = (torch.tensor(of)[:, None, None] for of in (MEAN, DEVIATION))
    ours = net(file)
    record = ours.load_pretrained()
    torch.testing.assert_close(ours(images), trained((images - mean) / deviation))
    assert record is not None
    assert record["path"] == str(file)
    assert len(record["sha256"]) == 64
    assert ours.remarks == [f"begins with {file}"]


@pytest.mark.parametrize("wrapped", ["state_dict", "model"])
def test_weights_may_be_a_part_of_what_is_in_the_file(
    wrapped: str, trained: nn.Module, file: Path
) -> None:
    torch.save({wrapped: trained.state_dict(), "epoch": 3}, file)
    ours = net(file)
    ours.load_pretrained()
    assert torch.equal(ours.model.conv1[0].weight, trained.conv1[0].weight)


def test_head_for_other_classes_is_drawn_anew_and_said(trained: nn.Module, file: Path) -> None:
    ours = net(file, outputs=3)
    before = ours.head.weight.clone()
    ours.load_pretrained()
    assert torch.equal(ours.head.weight, before)
    assert torch.equal(ours.model.conv5[0].weight, trained.conv5[0].weight)
    [said] = ours.remarks
    assert said == f"begins with {file}; the head is for 7 classes there and drawn anew"


def without(name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {each: weight for each, weight in state.items() if each != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: without("conv1.0.weight", s), r"conv1\.0\.weight: is missing"),
        (lambda s: s | {"other": torch.ones(1)}, "other: unexpected"),
        (
            lambda s: s | {"conv1.0.weight": torch.ones(2)},
            r"conv1\.0\.weight: expected \[24, 3, 3, 3\], got \[2\]",
        ),
        (lambda s: s | {"conv1.0.weight": 5}, r"expected \[24, 3, 3, 3\], got \['no tensor'\]"),
        (lambda s: [*s.values()], "expected a state dict, tensors by name"),
        (lambda s: {"model": print}, "cannot be opened as weights"),
    ],
    ids=["missing", "too many", "another shape", "no tensor", "a list", "code"],
)
def test_weights_that_are_not_the_models_are_refused_by_name(
    change: Any, message: str, trained: nn.Module, file: Path
) -> None:
    torch.save(change(dict(trained.state_dict())), file)
    with pytest.raises(DataError, match=message):
        net(file).load_pretrained()


def test_device_in_place_of_a_file_of_weights_is_not_read() -> None:
    with pytest.raises(DataError, match=r"/dev/null: .* \(it is no regular file\)"):
        net(Path("/dev/null")).load_pretrained()


def test_file_that_is_no_file_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.pth").write_text("no weights")
    with pytest.raises(DataError, match=r"own\.pth: cannot be opened as weights"):
        net(tmp_path / "own.pth").load_pretrained()


@pytest.mark.parametrize("model", ["squeezenet1_1", "vgg11", "vit_b_16", "convnext_tiny"])
def test_last_layer_is_the_head_where_it_is_linear(model: str) -> None:
    with torch.device("meta"):
        ours = TorchvisionNet(channels=3, outputs=5, model=model)
        shape = ours(torch.rand(2, 3, 224, 224)).shape
    assert shape == (2, 5)
    assert isinstance(ours.head, nn.Identity if model == "squeezenet1_1" else nn.Linear)


def test_torchvisions_own_weights_are_those_of_the_cache(
    trained: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = models.get_model_weights(SMALL)["IMAGENET1K_V1"]
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "checkpoints" / os.path.basename(weights.url)  # noqa: PTH119
    place.parent.mkdir(parents=True)
    torch.save(trained.state_dict(), place)
    ours = TorchvisionNet(channels=3, outputs=7, model=SMALL, pretrained="DEFAULT")
    assert ours.load_pretrained() == {"path": weights.url}
    assert torch.equal(ours.head.weight, trained.fc.weight)


def test_weights_that_are_not_delivered_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    ours = TorchvisionNet(channels=3, outputs=7, model=SMALL, pretrained="DEFAULT")
    with pytest.raises(FetchError, match=r"net\.pretrained=.*not delivered.* net\.weights=FILE"):
        ours.load_pretrained()
