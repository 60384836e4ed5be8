import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from seedbed.data.images import Images
from seedbed.errors import DataError, SettingError

CLASSES = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}


def paint(file: Path, colour: tuple[int, ...], size: tuple[int, int] = (6, 4)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures a class, each of one colour and of a size of its own."""
    for label, colour in CLASSES.items():
        for number in range(10):
            paint(tmp_path / "set" / label / f"{number}.png", colour, (6 + number, 4))
    return tmp_path / "set"


def opened(path: Path, **settings: Any) -> Images:
    data = Images(path=str(path), **{"size": 4, "batch_size": 4, **settings})
    data.setup()
    return data


def batches(loader: Any, data: Images) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [data.on_after_batch_transfer(batch, 0) for batch in loader]


def colours(data: Images, part: str) -> torch.Tensor:
    """Of every image of a part: whether its colour is its class's."""
    found = batches(getattr(data, f"{part}_dataloader")(), data)
    images = torch.cat([images for images, _ in found])  # (N, 3, 4, 4)
    classes = torch.cat([classes for _, classes in found])
    wanted = torch.tensor([CLASSES[label] for label in data.labels])[classes] / 255
    return (images == wanted[:, :, None, None]).all(dim=(1, 2, 3))


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_every_image_has_its_folders_class_in_memory_and_from_files(
    folder: Path, part: str, in_memory: bool
) -> None:
    data = opened(folder, in_memory=in_memory, workers=0)
    right = colours(data, part)
    assert right.all()
    assert len(right) == {"train": 21, "val": 3, "test": 6}[part]
    assert data.sizes == {"inputs": 48, "channels": 3, "outputs": 3}
    assert data.labels == ["blue", "green", "red"]


def test_each_class_has_its_share_of_every_part(folder: Path) -> None:
    splits = opened(folder).splits
    counts = [torch.bincount(rows[1]).tolist() for rows in (splits.train, splits.val, splits.test)]
    assert counts == [[7, 7, 7], [1, 1, 1], [2, 2, 2]]


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (("train",), (21, 3, 6)),
        (("train", "test"), (27, 3, 30)),
        (("train", "valid"), (24, 30, 6)),
        (("train", "val", "test"), (30, 30, 30)),
    ],
)
def test_folders_above_the_classes_are_the_parts_and_what_is_missing_is_drawn(
    given: tuple[str, ...], counts: tuple[int, ...], folder: Path, tmp_path: Path
) -> None:
    for part in given:
        shutil.copytree(folder, tmp_path / "parts" / part)
    facts = opened(tmp_path / "parts").facts
    assert tuple(facts[part] for part in ("train", "val", "test")) == counts


def test_class_may_be_called_train(folder: Path) -> None:
    (folder / "red").rename(folder / "train")
    assert opened(folder).labels == ["blue", "green", "train"]


def test_list_names_files_beside_it_and_their_labels(folder: Path) -> None:
    lines = [f"{label},{label}/{number}.png" for label in CLASSES for number in range(10)]
    (folder / "list.csv").write_text("\n".join(["label,file", *lines]))
    listed, found = opened(folder / "list.csv"), opened(folder)
    assert listed.facts["sha256"] == found.facts["sha256"]
    assert colours(listed, "train").all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,label\na.png,1\n", r"row 1: expected the columns file and label, got name,label"),
        ("file,label\na.png\n", r"row 2: expected a file and its label, got \['a.png'\]"),
        ("", r"row 1: expected the columns file and label"),
    ],
)
def test_list_without_files_or_labels_is_refused(
    content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        opened(tmp_path / "list.csv")


def test_middle_square_of_an_upright_image_is_kept_whole(tmp_path: Path) -> None:
    pixels = np.zeros((4, 12), np.uint8)
    pixels[:, 4:8] = np.arange(16).reshape(4, 4) * 10
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90° clockwise
    for label in "ab":
        for number in range(10):
            (tmp_path / label).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / label / f"{number}.png", exif=exif)
    image = opened(tmp_path, channels=1).splits.train[0][0]
    assert image.tolist() == [np.rot90(pixels[:, 4:8], -1).tolist()]


def test_broken_images_are_named_or_left_out_and_counted(folder: Path) -> None:
    broken = [folder / "blue" / "3.png", folder / "red" / "4.png"]
    for file in broken:
        file.write_bytes(file.read_bytes()[:50])
    message = r"(?s)3\.png: cannot .*4\.png: cannot .*2 of 30 images .* data\.skip_broken=true"
    with pytest.raises(DataError, match=message):
        opened(folder)
    data = opened(folder, skip_broken=True)
    assert data.facts["broken"] == 2
    assert data.remarks[1] == "left out: 2 broken images"
    assert all(colours(data, part).all() for part in ("train", "val", "test"))


def test_pipe_among_the_images_is_named_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "blue" / "pipe.png")
    with pytest.raises(DataError, match=r"pipe\.png: cannot .* \(it is no regular file\)"):
        opened(folder)


def test_hidden_files_and_folders_are_no_images(folder: Path) -> None:
    for name in ("blue/._1.png", ".DS_Store", "red/Thumbs.db", ".cache/1.png", "__MACOSX/1.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("no image")
    data = opened(folder)
    assert (data.labels, sum(data.facts[part] for part in ("train", "val", "test"))) == (
        ["blue", "green", "red"],
        30,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "there is no such folder or file"),
        (lambda folder: [shutil.rmtree(folder / c) for c in CLASSES], "has no folders; expected"),
        (lambda folder: (folder / "none").mkdir(), "has no images; expected"),
        (
            lambda folder: [shutil.rmtree(folder / c) for c in ("red", "blue")],
            "has one class, 'green'",
        ),
        (
            lambda folder: [
                paint(folder / p / c / f"{n}.png", (0, 0, 0))
                for p, c in (("train", "a"), ("train", "b"), ("test", "c"))
                for n in range(9)
            ],
            "beside train/ there is blue/",
        ),
    ],
    ids=["no folder", "no class", "no image", "one class", "more than parts"],
)
def test_folder_that_cannot_be_learnt_from_is_refused(
    change: Callable[[Path], object], message: str, folder: Path
) -> None:
    change(folder)
    with pytest.raises(DataError, match=message):
        opened(folder)


def test_class_of_the_test_part_alone_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "parts" / "train")
    paint(tmp_path / "parts" / "test" / "pink" / "1.png", (255, 0, 255))
    with pytest.raises(DataError, match=r"1\.png: 'pink' is no class of the training part"):
        opened(tmp_path / "parts")


def test_opening_lines_say_where_the_images_are(folder: Path) -> None:
    assert opened(folder).remarks == [
        "30 images of 3 classes (blue, green, red), held in memory, 0.0 MiB"
    ]
    [said] = opened(folder, in_memory=False, workers=2).remarks
    assert said.endswith("0.0 GiB, read anew each epoch, workers 2")


@pytest.mark.parametrize("in_memory", [True, False])
def test_epoch_is_gone_on_with_at_the_batch_it_lost(folder: Path, in_memory: bool) -> None:
    data = opened(folder, in_memory=in_memory, workers=0)
    loader = data.train_dataloader()
    whole = [[*batches(loader, data)] for _ in range(2)][1]
    first = data.train_dataloader()
    assert len([*first]) == len(whole)
    ongoing = iter(first)
    for _ in range(2):
        next(ongoing)
    later = data.train_dataloader()
    later.load_state_dict(first.state_dict())
    rest = batches(later, data)
    assert len(rest) == len(whole) - 2
    for (images, classes), (expected, theirs) in zip(rest, whole[2:], strict=True):
        assert torch.equal(images, expected)
        assert torch.equal(classes, theirs)


def test_whole_part_as_a_batch_must_be_in_memory(folder: Path) -> None:
    with pytest.raises(SettingError, match=r"data\.batch_size=full: expected images that are held"):
        opened(folder, batch_size="full", in_memory=False)


def test_new_images_are_read_as_the_training_images_were(folder: Path, tmp_path: Path) -> None:
    data = opened(folder)
    state = data.state_dict()
    new = Images(path="gone", size=4)
    new.load_state_dict(state)
    paint(tmp_path / "new" / "deep" / "x.png", CLASSES["red"])
    paint(tmp_path / "new" / "y.jpg", CLASSES["blue"])
    rows = new.read_inputs(tmp_path / "new")
    assert (rows.header, rows.cells) == (["file"], [["deep/x.png"], ["y.jpg"]])
    assert rows.inputs[0, :, 0, 0].tolist() == [1, 0, 0]
    assert new.labels == data.labels


@pytest.mark.parametrize(
    "change",
    [{"labels": ["a"]}, {"labels": [1, 2, 3]}, {"shape": [3, 5, 5]}, {"labels": None}],
    ids=str,
)
def test_state_that_is_not_of_these_images_is_refused(change: Any, folder: Path) -> None:
    data = opened(folder)
    with pytest.raises(ValueError, match="of the data: "):
        data.load_state_dict(data.state_dict() | change)
