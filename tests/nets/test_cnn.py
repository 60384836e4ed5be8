from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seedbed.nets.cnn import CNN
from seedbed.optim.groups import parameter_groups


def features(net: CNN, images: torch.Tensor) -> torch.Tensor:
    """What the last stage gives, before it is averaged."""
    stages = [module for module in net.body if not isinstance(module, nn.AdaptiveAvgPool2d)]
    return nn.Sequential(*stages[:-2])(images)  # without what flattens and drops


def convolved(net: CNN, images: torch.Tensor) -> list[torch.Tensor]:
    """The images after each convolution, norm and ReLU of a net that has done no step."""
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    found = []
    for layer in convolutions:
        images = F.conv2d(images, layer.weight, stride=layer.stride, padding=1)
        images = F.relu(images / (1 + 1e-5) ** 0.5)  # the norm's start: mean 0, variance 1
        found.append(images)
    return found


def test_net_with_strides_is_convolutions_averages_and_a_linear_layer() -> None:
    net = CNN(channels=3, outputs=2, widths=[4, 5], depth=1, halve="stride", grid=2).eval()
    images = torch.randn(6, 3, 8, 8)
    last = convolved(net, images)[-1]  # (6, 5, 2, 2)
    torch.testing.assert_close(net(images), net.head(last.flatten(1)))


def test_net_with_a_grid_of_one_averages_each_channel() -> None:
    net = CNN(channels=1, outputs=2, widths=[4, 5], depth=2, halve="stride").eval()
    images = torch.randn(6, 1, 16, 16)
    last = convolved(net, images)[-1]  # (6, 5, 4, 4)
    torch.testing.assert_close(net(images), net.head(last.mean(dim=(2, 3))))


def test_pooling_takes_the_largest_of_four_pixels_after_a_stages_convolutions() -> None:
    net = CNN(channels=1, outputs=2, widths=[4], depth=2).eval()
    images = torch.randn(6, 1, 8, 8)
    last = convolved(net, images)[-1]  # (6, 4, 8, 8)
    expected = last.unflatten(2, (4, 2)).unflatten(4, (4, 2)).amax(dim=(3, 5))
    torch.testing.assert_close(features(net, images), expected)


@pytest.mark.parametrize("halve", ["pool", "stride"])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_each_stage_has_its_width_and_halves_the_side(halve: Any, kernel: int) -> None:
    net = CNN(channels=1, outputs=2, widths=[3, 7], depth=2, kernel=kernel, halve=halve)
    assert features(net, torch.randn(2, 1, 12, 20)).shape == (2, 7, 3, 5)


def test_images_of_one_channel_and_of_many_keep_the_filters_memory_format() -> None:
    for channels in (1, 3):
        net = CNN(channels=channels, outputs=2, widths=[16, 16])
        assert all(
            weight.is_contiguous(memory_format=torch.channels_last)
            for weight in net.parameters()
            if weight.ndim == 4
        )
        maps = features(net, torch.randn(2, channels, 8, 8))
        assert maps.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("side", "calls"), [(8, 0), (16, 1)])
def test_averages_are_taken_only_where_a_cell_is_more_than_a_pixel(
    side: int, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pooled = []
    pool = F.adaptive_avg_pool2d
    monkeypatch.setattr(
        F, "adaptive_avg_pool2d", lambda *given: pooled.append(given) or pool(*given)
    )
    net = CNN(channels=1, outputs=2, widths=[4], grid=4)
    assert net(torch.randn(2, 1, side, side)).shape == (2, 2)
    assert len(pooled) == calls


@pytest.mark.parametrize("halve", ["pool", "stride"])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 40), (8, 8), (13, 64), (28, 28), (225, 7)])
def test_one_net_takes_images_of_any_size(size: tuple[int, int], halve: Any) -> None:
    net = CNN(channels=1, outputs=10, widths=[2, 2, 2, 2], halve=halve, grid=2)
    assert net(torch.randn(2, 1, *size)).shape == (2, 10)


def test_dropout_zeroes_its_share_before_the_head_in_training_alone() -> None:
    torch.manual_seed(0)
    net = CNN(channels=1, outputs=2, widths=[1000], depth=1, dropout=0.3)
    images = torch.randn(20, 1, 8, 8)
    zeros = (net.body(images) == 0).float()
    assert abs(zeros.mean() - 0.3) < 4 * (0.3 * 0.7 / zeros.numel()) ** 0.5
    assert (net.eval().body(images) != 0).all()


def test_optimizer_is_given_filters_a_head_and_vectors() -> None:
    net = CNN(channels=1, outputs=10)
    assert [group["kind"] for group in parameter_groups(net)] == ["head", "filter", "vector"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widths": [3, 0]}, r"widths=\[3, 0\]: expected a width of 1 or more for each stage"),
        ({"widths": []}, r"widths=\[\]: expected a width of 1 or more for each stage"),
        ({"depth": 0}, "depth=0, grid=1: expected 1 or more"),
        ({"grid": 0}, "depth=2, grid=0: expected 1 or more"),
        ({"kernel": 4}, "kernel=4: expected an odd number"),
    ],
    ids=str,
)
def test_size_of_nothing_and_even_kernel_are_refused(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CNN(channels=1, outputs=10, **options)
