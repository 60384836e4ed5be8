"""Sets of torchvision's, from tiny files in their own formats, on a server of the test's own."""

import gzip
import hashlib
import io
import os
import pickle
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fixtures import Command
from PIL import Image
from torchvision import datasets

from seedbed.data.torchvision_images import TorchvisionImages
from seedbed.errors import DataError, MirrorsError, SettingError

TRAIN, TEST = 12, 5
CLASSES = ["plane", "car", "bird"]


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """Its address, and the folder that it serves."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (folder := tmp_path / "served").mkdir()
    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/", folder
    running.shutdown()
    running.server_close()
    thread.join()


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def idx(*shape: int, most: int = 256) -> bytes:
    """A file whose values count up, and begin anew at `most`."""
    values = bytes(i % most for i in range(torch.Size(shape).numel()))
    return bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4) for n in shape) + values


@pytest.fixture(params=["FashionMNIST", "KMNIST"])
def grey(
    request: pytest.FixtureRequest, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> str:
    """A tiny set of grey images on the server; image i begins with the pixel i * 4."""
    name: str = request.param
    address, folder = server
    files = {
        "train-images-idx3-ubyte.gz": idx(TRAIN, 2, 2),
        "train-labels-idx1-ubyte.gz": idx(TRAIN, most=10),
        "t10k-images-idx3-ubyte.gz": idx(TEST, 2, 2),
        "t10k-labels-idx1-ubyte.gz": idx(TEST, most=10),
    }
    packed = {name: gzip.compress(content) for name, content in files.items()}
    for file, content in packed.items():
        (folder / file).write_bytes(content)
    resources = [(file, md5(content)) for file, content in packed.items()]
    monkeypatch.setattr(getattr(datasets, name), "mirrors", [address])
    monkeypatch.setattr(getattr(datasets, name), "resources", resources)
    return name


def batch(first: int, count: int, **more: Any) -> bytes:
    """A pickle as CIFAR's, whose image i has the pixel i everywhere."""
    numbers = np.arange(first, first + count, dtype=np.uint8)
    data = np.repeat(numbers[:, None], 3 * 32 * 32, axis=1)
    return pickle.dumps({"data": data, "labels": (numbers % 3).tolist(), **more}, protocol=2)


def publish(served: tuple[str, Path], files: dict[str, bytes], patch: pytest.MonkeyPatch) -> None:
    """Put a set in the form of CIFAR10 on the server, and its checksums where torchvision looks."""
    address, folder = served
    with tarfile.open(folder / "set.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    sums = {name: md5(content) for name, content in files.items()}
    for name, value in {
        "url": f"{address}set.tar.gz",
        "tgz_md5": md5((folder / "set.tar.gz").read_bytes()),
        "train_list": [[name, sums[name]] for name in files if name.startswith("data")],
        "test_list": [["test_batch", sums["test_batch"]]],
        "meta": {"filename": "batches.meta", "key": "names", "md5": sums["batches.meta"]},
    }.items():
        patch.setattr(datasets.CIFAR10, name, value)


@pytest.fixture
def colour(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> str:
    """A tiny set of colour images on the server."""
    files = {
        "data_batch_1": batch(0, 6),
        "data_batch_2": batch(6, 6),
        "test_batch": batch(100, TEST),
        "batches.meta": pickle.dumps({"names": CLASSES}, protocol=2),
    }
    publish(server, files, monkeypatch)
    return "CIFAR10"


def images(name: str, folder: Path, **settings: Any) -> TorchvisionImages:
    return TorchvisionImages(data_dir=str(folder), dataset=name, **{"validation": 4, **settings})


def test_grey_set_is_fetched_once_and_read_by_its_official_parts(
    grey: str, server: tuple[str, Path], tmp_path: Path
) -> None:
    data = images(grey, tmp_path)
    assert data.fetch() == tmp_path / "torchvision" / grey
    for file in server[1].iterdir():  # what is there is not asked for again
        file.unlink()
    splits = data.splits
    assert (len(splits.train[1]), len(splits.val[1]), len(splits.test[1])) == (8, 4, TEST)
    for inputs, classes in (splits.train, splits.val, splits.test):
        assert inputs.shape[1:] == (1, 2, 2)
        assert torch.equal(inputs[:, 0, 0, 0].long() // 4 % 10, classes)
    (pixels, _), *_ = data.test_dataloader()
    torch.testing.assert_close(pixels.flatten(), torch.arange(4 * TEST) / 255)
    assert data.labels == getattr(datasets, grey).classes
    assert data.sizes == {"inputs": 4, "channels": 1, "outputs": 10}


def test_colour_set_is_read_from_its_batches(colour: str, tmp_path: Path) -> None:
    data = images(colour, tmp_path)
    splits = data.splits
    assert [len(part[1]) for part in (splits.train, splits.val, splits.test)] == [8, 4, TEST]
    assert splits.train[0].shape[1:] == (3, 32, 32)
    numbers = torch.cat([splits.train[0], splits.val[0]])[:, 2, 31, 31]
    assert sorted(numbers.tolist()) == [*range(12)]
    assert torch.equal(numbers.long() % 3, torch.cat([splits.train[1], splits.val[1]]))
    assert data.labels == CLASSES


class Touch:
    """A pickle of it makes a file when it is opened."""

    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.file,)


@pytest.mark.parametrize("file", ["data_batch_2", "test_batch", "batches.meta"])
def test_pickle_of_another_checksum_is_not_opened(file: str, colour: str, tmp_path: Path) -> None:
    data = images(colour, tmp_path)
    place = data.fetch() / "cifar-10-batches-py" / file
    place.write_bytes(pickle.dumps({"data": Touch(tmp_path / "opened")}))
    with pytest.raises(DataError, match=r"CIFAR10: not as torchvision's checksums .*found or corr"):
        data.setup()
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    "change", [lambda file: file.write_bytes(b"\0\0\x08\x01"), Path.unlink], ids=["cut", "removed"]
)
def test_altered_grey_set_is_noticed(
    change: Callable[[Path], object], suffix: str, grey: str, tmp_path: Path
) -> None:
    data = images(grey, tmp_path)
    change(data.fetch() / grey / "raw" / f"train-labels-idx1-ubyte{suffix}")
    with pytest.raises(DataError, match=rf"{grey}: not as .* Remove the folder to fetch it again"):
        data.setup()


def test_what_arrives_with_another_checksum_is_not_kept(
    grey: str, server: tuple[str, Path], tmp_path: Path
) -> None:
    (server[1] / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"other"))
    with pytest.raises(MirrorsError, match=f"{grey} was not delivered: .*corrupted"):
        images(grey, tmp_path).fetch()
    assert [*(tmp_path / "torchvision").iterdir()] == [tmp_path / f"torchvision/.{grey}.lock"]


@pytest.mark.parametrize("name", ["fashion_mnist", "kmnist", "cifar10"])
def test_command_without_a_network_says_what_to_do_and_has_its_own_status(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seedbed: Command
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("SEEDBED_DATA_DIR", "")  # so that it is set back
    for found in (datasets.FashionMNIST, datasets.KMNIST):
        monkeypatch.setattr(found, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setattr(datasets.CIFAR10, "url", "http://127.0.0.1:9/set.tar.gz")
    called = seedbed("fetch", name, "--data-dir", tmp_path)
    assert called.status == 3
    assert "was not delivered: " in called.err
    assert "set SEEDBED_DATA_DIR=FOLDER" in called.err


def test_another_sets_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"dataset=CIFAR11: no such set of images; .*CIFAR10"):
        images("CIFAR11", Path("nowhere"))
    with pytest.raises(SettingError, match=r"data\.validation=0: expected 1 image or more"):
        images("CIFAR10", Path("nowhere"), validation=0)


def test_validation_on_all_images_is_refused(colour: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.validation=12: expected fewer than the 12"):
        images(colour, tmp_path, validation=12).setup()


def test_new_picture_is_read_in_the_sets_size_without_the_set(colour: str, tmp_path: Path) -> None:
    state = images(colour, tmp_path).state_dict()
    Image.new("RGB", (64, 64), (255, 0, 0)).save(tmp_path / "a.png")
    new = images(colour, tmp_path / "elsewhere")
    new.load_state_dict(state)
    rows = new.read_inputs(tmp_path / "a.png")
    assert rows.inputs.shape == (1, 3, 32, 32)
    assert rows.inputs[0, :, 5, 5].tolist() == [1, 0, 0]
    assert new.labels == CLASSES
