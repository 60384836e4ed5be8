import pickle
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seedbed.record.archive import ForeignTypeError, is_plain, read

NUMBERS = torch.arange(12.0).view(3, 4)


def same(one: Any, other: Any) -> bool:
    """Equal in all, types and tensors' layouts too."""
    if isinstance(one, torch.Tensor):
        alike = (one.dtype, one.stride()) == (other.dtype, other.stride())
        return alike and torch.equal(one, other)
    if isinstance(one, dict):
        return [*one] == [*other] and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize(
    "content",
    [
        {"a": 1, 2: "春", None: [True, -5, 2**40, 1.5, float("inf")]},
        (torch.nn.BatchNorm1d(3).state_dict(), torch.nn.Parameter(NUMBERS.clone())),
        [NUMBERS[:, 1:], NUMBERS.T, NUMBERS[:0], torch.tensor(3), torch.zeros(0, 2**40)],
        [torch.tensor([0, 1]).to(getattr(torch, name)) for name in ("bool", "bfloat16", "half")],
        [torch.tensor([0, 1]).to(getattr(torch, name)) for name in ("uint16", "cfloat", "int8")],
        [b"a\xff", {1, "a"}, 1j, torch.float32, torch.device("cuda:1"), torch.Size([1, 2])],
        Counter([1, 2, 2]),
    ],
    ids=["plain", "parameters", "views", "floats", "numbers", "rest", "counter"],
)
def test_what_torch_saved_is_what_torch_would_load(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "file")
    expected = torch.load(tmp_path / "file", weights_only=True)
    assert same(read(tmp_path / "file"), expected)
    assert is_plain(content)


def archive(path: Path, pickled: bytes, *, compressed: bool = False, **entries: bytes) -> Path:
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/byteorder", "little")
        for name, content in entries.items():
            file.writestr(f"archive/data/{name}", content)
    return path


class Called:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


class Pickler(pickle.Pickler):
    """Writes `Stored` as torch writes a storage."""

    def persistent_id(self, value: Any) -> Any:
        return value.described if isinstance(value, Stored) else None


class Stored:
    def __init__(self, count: int) -> None:
        self.described = ("storage", torch.FloatStorage, "0", "cpu", count)


def tensor(path: Path, *, count: int = 4, offset: int = 0, size: Any, stride: Any) -> Path:
    """An archive with 4 numbers, and a tensor of them as it is described."""
    arguments = (Stored(count), offset, size, stride, False, {})
    with (path.parent / "pickle").open("wb") as file:
        Pickler(file, protocol=2).dump(Called(torch._utils._rebuild_tensor_v2, *arguments))
    return archive(path, (path.parent / "pickle").read_bytes(), **{"0": bytes(16)})


def test_tensor_may_be_any_view_of_its_storage(tmp_path: Path) -> None:
    path = tensor(tmp_path / "file", offset=1, size=(1, 2), stride=(0, 2))
    assert torch.equal(read(path), torch.zeros(1, 2))


@pytest.mark.parametrize(
    ("lie", "refusal"),
    [
        ({"count": 1000, "size": (1000,), "stride": (1,)}, "has 16 bytes"),
        ({"size": (5,), "stride": (1,)}, "out of bounds"),
        ({"size": (4,), "stride": (1,), "offset": 1}, "out of bounds"),
        ({"size": (4,), "stride": (1,), "offset": -1}, "storage_offset|offset"),
        ({"size": (4,), "stride": (-1,)}, "[Nn]egative"),
        ({"size": (2, 2), "stride": (1, 1)}, "share their place"),
        ({"size": (25_000, 25_000), "stride": (0, 0)}, "share their place"),
        ({"size": (2**62, 4), "stride": (0, 1)}, "share their place|overflow"),
        ({"size": ("4",), "stride": (1,)}, "."),
        ({"size": None, "stride": None}, "."),
    ],
    ids=str,
)
def test_tensor_that_is_not_what_its_storage_holds_is_refused(
    lie: dict[str, Any], refusal: str, tmp_path: Path
) -> None:
    with pytest.raises((ValueError, RuntimeError), match=refusal):
        read(tensor(tmp_path / "file", **lie))


def nested(depth: int) -> list[Any]:
    content: list[Any] = []
    for _ in range(depth):
        content = [content]
    return content


def laughs() -> list[Any]:
    content: list[Any] = []
    for _ in range(40):
        content = [content] * 10
    return content


@pytest.mark.parametrize(
    "pickled",
    [
        b"",
        b"\x80\x02.",
        b"\x80\x02N",
        b"\x80\x020000.",
        b"\x80\x02]q\x00h\x00a.",  # a list in itself
        b"\x80\x02h\x07.",
        b"\x80\x02" + 100_000 * b"\x8f",
        b"\x80\x02}" + b")" + 100_000 * b"\x85" + b"Ns.",  # a key that would be hashed for ever
        b"\x80\x02\x8a\xff" + 255 * b"\x7f" + b".",
        b"\x80\x02X\x03\x00\x00\x00\xed\xa0\x80.",  # half a character
        b"\x80\x02NQ.",
        b"cos\nsystem\n.",
        *(pickle.dumps({"a": 1}, protocol) for protocol in (0, 3, 4, 5)),
        pickle.dumps(nested(60), 2),
        pickle.dumps(laughs(), 2),
        pickle.dumps(Called(torch._utils._rebuild_tensor_v2, 1, 2), 2),
        pickle.dumps(Called(Counter, 5), 2),
    ],
    ids=lambda pickled: repr(pickled[:12]),
)
def test_pickle_that_torch_never_writes_is_refused(pickled: bytes, tmp_path: Path) -> None:
    path = archive(tmp_path / "file", pickled)
    with pytest.raises((ValueError, ForeignTypeError)):
        read(path)


@pytest.mark.parametrize(
    "call",
    [
        Called(torch.FloatTensor, 10**12),
        Called(bytearray, 10**12),
        Called(torch._utils._rebuild_meta_tensor_no_storage, torch.float32, (2**40,), (1,), False),
        Called(eval, "1"),
    ],
    ids=["tensor", "bytes", "meta", "code"],
)
def test_type_that_could_do_or_allocate_anything_is_named(call: Called, tmp_path: Path) -> None:
    path = archive(tmp_path / "file", pickle.dumps(call, 2))
    with pytest.raises(ForeignTypeError, match=r"\."):
        read(path)


def test_compressed_entry_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    path = archive(tmp_path / "file", b"\x80\x02N.", compressed=True, bomb=bytes(10**7))
    with pytest.raises(ValueError, match="compressed"):
        read(path)


def test_entries_that_overlap_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "file", b"\x80\x02N.", **{"0": bytes(10_000)})
    with zipfile.ZipFile(path, "a") as file:
        file.filelist += 10 * [file.getinfo("archive/data/0")]
        file.writestr("archive/version", "3")  # by which the directory is written anew
    with pytest.raises(ValueError, match="overlap"):
        read(path)


def test_storage_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tensor(tmp_path / "file", size=(4,), stride=(1,))
    with zipfile.ZipFile(path) as file:
        pickled = file.read("archive/data.pkl")
    with pytest.raises(ValueError, match="no item named"):
        read(archive(path, pickled))
