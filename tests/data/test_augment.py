from typing import Any

import pytest
import torch
from stages import In
from stubs.data import Glyphs
from torch.nn import functional as F
from torchvision.transforms import v2

from seedbed.data.augment import EachImage, RandomAffine, augmentation
from seedbed.errors import SettingError

SIDE = 8


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(5, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def drawing(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    """Let every uniform draw come out as this, 0 for the least and 1 for the most."""
    monkeypatch.setattr(torch, "rand", lambda *shape, device=None: torch.full(shape, value))


def test_largest_turn_is_by_its_degrees_one_way_and_the_other(
    images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value, turns in ((1.0, 1), (0.0, -1)):
        drawing(monkeypatch, value)
        expected = images.rot90(turns, dims=(2, 3))
        torch.testing.assert_close(RandomAffine(degrees=90)(images), expected)


def test_smallest_zoom_halves_an_image_and_leaves_black_around_it(
    images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing(monkeypatch, 0.0)
    expected = F.pad(F.avg_pool2d(images, 2), [SIDE // 4] * 4)
    torch.testing.assert_close(RandomAffine(zoom=0.5)(images), expected)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_largest_shift_is_its_share_of_the_side(
    value: float, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing(monkeypatch, value)
    expected = torch.zeros_like(images)
    if value:
        expected[..., :-2, :-2] = images[..., 2:, 2:]
    else:
        expected[..., 2:, 2:] = images[..., :-2, :-2]
    torch.testing.assert_close(RandomAffine(shift=0.25)(images), expected)


def test_each_image_is_moved_in_its_own_way_and_anew_each_time(images: torch.Tensor) -> None:
    alike = images[:1].expand(4, -1, -1, -1)
    move = RandomAffine(degrees=10, zoom=0.1, shift=0.1)
    found = torch.cat([move(alike), move(alike)])
    assert all(not torch.equal(a, b) for i, a in enumerate(found) for b in found[:i])


def test_all_channels_of_an_image_are_moved_together(images: torch.Tensor) -> None:
    alike = images[:, :1].expand(-1, 2, -1, -1)
    moved = RandomAffine(degrees=10, zoom=0.1, shift=0.1)(alike)
    torch.testing.assert_close(moved[:, 0], moved[:, 1])


def test_without_any_amount_images_stay_as_they_are(images: torch.Tensor) -> None:
    assert torch.equal(RandomAffine()(images), images)


@pytest.mark.parametrize("name", ["degrees", "zoom", "shift"])
def test_negative_amounts_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}=-0\.1.*: expected 0 or more"):
        RandomAffine(**{name: -0.1})


def test_zoom_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"zoom=1\.0, .*a zoom below 1"):
        RandomAffine(zoom=1.0)


@pytest.mark.parametrize(
    ("stage", "moved"), [("training", True), ("validating", False), ("testing", False)]
)
def test_training_images_are_moved_and_no_others(stage: str, moved: bool) -> None:
    data = Glyphs(augment=RandomAffine(shift=0.2))
    data.trainer = In(stage)
    inputs, targets = data.splits.train
    given: Any = data.on_after_batch_transfer((inputs, targets), 0)
    assert torch.equal(given[0], inputs) is not moved
    assert torch.equal(given[1], targets)


# --- transforms of others -------------------------------------------------------------------------


def test_transforms_draw_for_each_image_by_itself() -> None:
    images = torch.arange(64 * 6.0).reshape(64, 1, 2, 3)
    changed = EachImage([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()])(images)
    kinds = {
        tuple(d for d in ((), (1,), (2,), (1, 2)) if torch.equal(new, old.flip(d)))
        for new, old in zip(changed, images, strict=True)
    }
    assert kinds == {((),), ((1,),), ((2,),), ((1, 2),)}


def test_transforms_go_one_after_the_other() -> None:
    images = torch.rand(2, 3, 4, 4)
    changed = augmentation([v2.CenterCrop(2), v2.Resize(4), v2.Normalize([0.5], [2.0])])
    assert changed is not None
    expected = (v2.functional.resize(images[..., 1:3, 1:3], [4]) - 0.5) / 2
    torch.testing.assert_close(changed(images), expected)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (v2.CenterCrop(2), r"data\.augment: expected images of \[1, 4, 4\] .*got \[1, 2, 2\]"),
        (v2.ToPILImage(), r"data\.augment: ToPILImage: expected to give real numbers"),
        (v2.RandomCrop(8), r"data\.augment: RandomCrop: Required crop size"),
    ],
    ids=["another size", "no tensor", "more than there is"],
)
def test_transform_that_gives_other_than_images_is_refused(
    transform: torch.nn.Module, message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        EachImage([transform])(torch.rand(2, 1, 4, 4))


def test_affine_moves_among_others_are_of_whole_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    moved = RandomAffine.forward

    def note(self: RandomAffine, images: torch.Tensor) -> torch.Tensor:
        sizes.append(len(images))
        return moved(self, images)

    monkeypatch.setattr(RandomAffine, "forward", note)
    changed = augmentation([RandomAffine(shift=0.1), v2.RandomVerticalFlip(), RandomAffine()])
    assert changed is not None
    assert changed(torch.rand(5, 3, 4, 4)).shape == (5, 3, 4, 4)
    assert sizes == [5, 5]


def test_mapping_is_of_whole_batches_and_has_known_names() -> None:
    assert isinstance(augmentation({"degrees": 10, "shift": 0.1}), RandomAffine)
    with pytest.raises(ValueError, match="no setting turn; expected degrees, zoom, shift"):
        augmentation({"turn": 10})
