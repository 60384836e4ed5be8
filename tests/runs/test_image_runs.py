"""Runs on images of one's own, through the command line."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures import Command
from made import executed, settings
from PIL import Image
from torchvision import models

from seedbed.config.checks import check
from seedbed.errors import SettingError
from seedbed.record.directory import RunDirectory
from seedbed.runs.load import load

CLASSES = ("left", "right")
SMALL = "shufflenet_v2_x0_5"


def draw(file: Path, label: str, size: tuple[int, int]) -> None:
    """A picture whose one half is lit."""
    pixels = np.zeros((size[1], size[0]), np.uint8)
    half = slice(0, size[0] // 2) if label == "left" else slice(size[0] // 2, None)
    pixels[:, half] = 255
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label in CLASSES:
        for number in range(20):
            draw(tmp_path / "halves" / label / f"{number}.png", label, (10 + number % 3, 10))
    return tmp_path / "halves"


def trained(folder: Path, *settings: str) -> RunDirectory:
    small = ("data.size=8", "data.channels=1", "net.widths=[8]", "net.grid=2", "data.batch_size=8")
    own = ("experiment=images", f"data.path={folder}", "logger=csv")
    return executed(folder.parent / "run", *own, *small, *settings)


@pytest.mark.parametrize("held", ["true", "false"])
def test_run_says_its_classes_by_name_in_all_that_it_writes(
    held: str, folder: Path, tmp_path: Path, seedbed: Command
) -> None:
    run = trained(folder, "max_epochs=8", f"data.in_memory={held}", "data.workers=1")
    assert run.path.joinpath("confusion.csv").read_text().splitlines() == [
        "true,predicted_left,predicted_right",
        "left,4,0",
        "right,0,4",
    ]
    for name, label in (("a.png", "right"), ("b.png", "left")):
        draw(tmp_path / "new" / name, label, (30, 30))
    draw(tmp_path / "new" / "._c.png", "left", (30, 30))
    for path in folder.rglob("*.png"):  # which predicting needs none of
        path.unlink()
    called = seedbed("predict", run.path, tmp_path / "new")
    header, *rows = csv.reader(io.StringIO(called.out))
    assert header == ["file", "class", "probability_left", "probability_right"]
    assert [row[:2] for row in rows] == [["a.png", "right"], ["b.png", "left"]]


V2 = "torchvision.transforms.v2"


@pytest.mark.parametrize(
    "augment",
    [
        f"[{{_target_: {V2}.RandomErasing, p: 0.5}}, {{_target_: {V2}.RandomVerticalFlip}}]",
        "{degrees: 5, shift: 0.1}",
    ],
)
def test_augment_is_a_list_of_transforms_or_a_mapping(augment: str, folder: Path) -> None:
    run = trained(folder, "max_epochs=1", f"data.augment={augment}")
    assert 0 <= accuracy(run) <= 1


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (f"[{{_target_: {V2}.Lambda, lambd: print}}]", "data.augment.0.lambd: leads to files"),
        ("[{_target_: torch.nn.Linear}]", "torch.nn.Linear may not be constructed here"),
        ("[5]", "expected"),
        ("{turn: 5}", "augment: no setting turn; expected degrees, zoom, shift"),
        ("{degrees: -5}", "degrees=-5.* expected 0 or more"),
    ],
)
def test_augment_that_is_no_transform_is_refused(augment: str, message: str, folder: Path) -> None:
    with pytest.raises(SettingError, match=message):
        check(settings("experiment=images", f"data.path={folder}", f"data.augment={augment}"))


@pytest.fixture
def pretrained(tmp_path: Path) -> Path:
    """Weights of a classifier of five classes."""
    model = models.get_model(SMALL, weights=None, num_classes=5)
    torch.save(model.state_dict(), tmp_path / "own weights.pth")
    return tmp_path / "own weights.pth"


def test_fit_from_weights_trains_the_head_alone_where_the_rest_is_frozen(
    folder: Path, pretrained: Path, tmp_path: Path, seedbed: Command
) -> None:
    typed = ("net=resnet18", f"net.model={SMALL}", f'net.weights="{pretrained}"', "freeze=[model]")
    own = ("experiment=images", f"data.path={folder}", "data.size=32", "data.batch_size=8")
    run = executed(tmp_path / "run", *own, *typed, "max_epochs=2", "logger=csv")
    given = torch.load(pretrained)
    pretrained.unlink()  # which the run needs no more
    opened = load(run.path)
    kept = opened.net.model.state_dict()
    assert all(torch.equal(kept[name], given[name]) for name in kept)
    assert f"begins with {pretrained}; the head is for 5 classes" in run.log_file.read_text()
    weights = json.loads(run.provenance_file.read_text())["weights"]
    assert weights["path"] == str(pretrained)
    resumed = seedbed("resume", run.path, "max_epochs=3")
    assert (resumed.status, "begins with" in resumed.out) == (0, False)


def test_weights_that_are_not_there_are_reported_of_before_anything_is_read() -> None:
    typed = ["experiment=images", "data.path=nothing", "net=resnet18", "net.weights=none.pth"]
    with pytest.raises(SettingError, match=r"net\.weights=.*/none\.pth: there is no such file"):
        check(settings(*typed))


def accuracy(run: RunDirectory) -> float:
    metrics = json.loads((run.path / "metrics.json").read_text())
    return float(metrics["test/accuracy"])


@pytest.mark.slow
def test_digits_as_pictures_are_learnt_as_well_as_digits(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        file = tmp_path / "digits" / str(label) / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 255 / 16).round().astype(np.uint8)).save(file)
    recipe = ("net=mlp_512", "optimizer=adam", "scheduler=none", "max_epochs=10")
    plainly = executed(tmp_path / "plainly", "experiment=glyphs", "logger=csv")
    own = [f"data.path={tmp_path / 'digits'}", "data.size=8", "data.channels=1", "logger=csv"]
    pictures = executed(tmp_path / "pictures", "experiment=images", *own, *recipe)
    assert accuracy(plainly) > 0.95
    assert accuracy(pictures) > accuracy(plainly) - 0.015
