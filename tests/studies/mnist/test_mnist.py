"""Images, from tiny files of the same format; the real ones in the last tests alone."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made import executed, losses_of_a_loop, training_losses

from seedbed.errors import DataError, SettingError
from studies.mnist import mnist
from studies.mnist.digits import Digits
from studies.mnist.mnist import MNIST, MNIST_FILES, read_idx

TRAIN, TEST, SIDE = 12, 5, 2


def idx(*shape: int, start: int = 0) -> bytes:
    """A file whose values count up from `start`."""
    count = torch.Size(shape).numel()
    lengths = b"".join(length.to_bytes(4) for length in shape)
    values = bytes((start + i) % 256 for i in range(count))
    return bytes([0, 0, 8, len(shape)]) + lengths + values


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny MNIST, fetched already: image i has pixels 4i to 4i + 3, and label i."""
    contents = [
        idx(TRAIN, SIDE, SIDE),
        idx(TRAIN),
        idx(TEST, SIDE, SIDE, start=200),
        idx(TEST, start=3),
    ]
    tiny = replace(MNIST_FILES, sha256=hashlib.sha256(b"".join(contents)).hexdigest())
    monkeypatch.setattr(mnist, "MNIST_FILES", tiny)
    folder = tmp_path / tiny.name
    folder.mkdir()
    for name, content in zip(tiny.files, contents, strict=True):
        (folder / name).write_bytes(content)
    return folder


def images(folder: Path, validation: int = 4, split_seed: int = 42) -> MNIST:
    return MNIST(data_dir=str(folder.parent), validation=validation, split_seed=split_seed)


# --- the format -----------------------------------------------------------------------------------


def test_file_is_read_with_the_last_dimension_running_fastest() -> None:
    assert read_idx(idx(2, 3), "").tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x08\0",
        b"\x1f\x8b\x08\x03" + idx(2, 3)[4:],
        b"\0\0\x0d" + idx(2)[3:],
    ],
    ids=["empty", "cut in the type", "no dimension", "compressed", "of floats"],
)
def test_file_of_another_format_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=rf"images: expected an IDX file, got {len(content)} bytes"):
        read_idx(content, "images")


@pytest.mark.parametrize("size", [17, 15, 7])
def test_truncated_file_is_named_with_both_sizes(size: int) -> None:
    with pytest.raises(DataError, match=rf"^images: .*got {size} bytes .* to fetch it again\.$"):
        read_idx(idx(2, 3)[:size], "images")


def test_file_that_is_too_long_is_refused() -> None:
    with pytest.raises(DataError, match="images: expected 18 bytes, got 19 bytes"):
        read_idx(idx(2, 3) + b"\0", "images")


# --- the data set ---------------------------------------------------------------------------------


def test_pixels_are_from_0_to_1_and_labels_are_class_numbers(folder: Path) -> None:
    (inputs, targets), *more = images(folder).test_dataloader()
    assert not more
    assert inputs.shape == (TEST, 1, SIDE, SIDE)
    torch.testing.assert_close(inputs.flatten(), torch.arange(200, 220) / 255)
    assert targets.tolist() == [3, 4, 5, 6, 7]
    assert targets.dtype == torch.int64


def test_validation_comes_out_of_the_training_set_and_test_is_the_official_one(
    folder: Path,
) -> None:
    splits = images(folder).splits
    train, val = splits.train[1].tolist(), splits.val[1].tolist()
    assert (len(train), len(val)) == (8, 4)
    assert sorted(train + val) == [*range(TRAIN)]


def test_images_keep_their_labels(folder: Path) -> None:
    for inputs, targets in (images(folder).splits.train, images(folder).splits.val):
        assert torch.equal(inputs[:, 0, 0, 0], 4 * targets)


def test_split_depends_on_its_seed_alone(folder: Path) -> None:
    one, same, other = (images(folder, split_seed=seed).splits.val[1] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_sizes_are_the_pixels_one_channel_and_ten_classes(folder: Path) -> None:
    assert images(folder).sizes == {"inputs": SIDE * SIDE, "channels": 1, "outputs": 10}


def test_validation_on_all_images_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match=f"data.validation={TRAIN}: expected fewer than the 12"):
        images(folder, TRAIN).setup()


def test_validation_on_no_image_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"data\.validation=0: expected 1 image or more\."):
        images(tmp_path / "nothing", 0)


@pytest.mark.parametrize("content", [b"", b"\0\0\x08\x03", idx(TEST, SIDE, SIDE, start=201)])
def test_altered_image_file_is_noticed(content: bytes, folder: Path) -> None:
    (folder / "t10k-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(DataError, match=f"{folder}: a file was altered .* to fetch them again"):
        images(folder).setup()


# --- scikit-learn's digits ------------------------------------------------------------------------


def test_digits_are_split_and_scaled_like_the_large_ones() -> None:
    splits = Digits().splits
    parts = splits.train, splits.val, splits.test
    assert [len(targets) for _, targets in parts] == [1258, 180, 359]
    assert splits.train[0].shape[1:] == (1, 8, 8)
    assert {(inputs.min().item(), inputs.max().item()) for inputs, _ in parts} == {(0, 1)}
    assert Digits().sizes == {"inputs": 64, "channels": 1, "outputs": 10}


def test_digits_of_the_parts_are_different_images() -> None:
    splits = Digits().splits
    rows = [
        {tuple(image) for image in inputs.flatten(1).tolist()}
        for inputs, _ in (splits.train, splits.val, splits.test)
    ]
    assert len(set.union(*rows)) == sum(map(len, rows)) == 1797


# --- the real files -------------------------------------------------------------------------------


@pytest.mark.corpus
def test_official_mnist_is_50000_10000_and_10000_images() -> None:
    data_dir = os.environ.get("SEEDBED_DATA_DIR", "~/.cache/seedbed")
    splits = MNIST(data_dir=data_dir).splits
    parts = splits.train, splits.val, splits.test
    assert [tuple(inputs.shape) for inputs, _ in parts] == [
        (50_000, 1, 28, 28),
        (10_000, 1, 28, 28),
        (10_000, 1, 28, 28),
    ]
    everything = torch.cat([splits.train[0], splits.val[0]]) / 255
    # The mean and deviation of the training set's pixels, as everyone normalises by them.
    assert everything.mean().item() == pytest.approx(0.1307, abs=5e-5)
    assert everything.std().item() == pytest.approx(0.3081, abs=5e-5)
    # The official test set begins 7 2 1 0 4 1 4 9 5 9.
    assert splits.test[1][:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_run_has_the_losses_of_the_lessons_loop_on_the_same_batches(tmp_path: Path) -> None:
    choices = (
        *("experiment=mnist", "data=digits", "net.dropout=0"),
        *("max_epochs=-1", "max_steps=20", "check_val_every_n_epoch=null", "val_check_interval=5"),
    )
    expected = losses_of_a_loop(tmp_path, torch.optim.Adam, *choices)
    run = executed(tmp_path / "run", *choices)
    np.testing.assert_allclose(training_losses(run), expected, rtol=1e-3)
