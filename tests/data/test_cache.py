"""Token streams in files: made once, checked when opened, made again where they are damaged."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

from seedbed.data import cache
from seedbed.data.tokens import TokenSplits
from seedbed.data.vocabulary import Vocabulary
from seedbed.errors import DataError, FetchError


def splits(length: int = 9, **facts: object) -> TokenSplits:
    tokens = np.arange(length, dtype=np.uint16)
    return TokenSplits(Vocabulary("春夏"), tokens, tokens[:3], None, {"source": "made", **facts})


def same(one: TokenSplits, other: TokenSplits) -> bool:
    return (
        np.array_equal(one.train, other.train)
        and np.array_equal(one.val, other.val)
        and (one.test, one.facts) == (other.test, other.facts)
        and one.vocabulary.characters == other.vocabulary.characters
    )


def load(data_dir: Path) -> TokenSplits:
    return cache.tokens(data_dir, "text", lambda _: splits())


def kept(data_dir: Path) -> Path:
    [folder] = (path for path in (data_dir / "processed").iterdir() if path.is_dir())
    return folder


def test_streams_are_mapped_and_cannot_be_changed(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert same(found, splits())
    assert not found.train.flags.writeable


def test_second_load_makes_nothing(tmp_path: Path) -> None:
    load(tmp_path)
    assert same(cache.tokens(tmp_path, "text", lambda _: splits(3)), splits())


def test_stream_may_be_written_where_it_is_kept(tmp_path: Path) -> None:
    def make(folder: Path) -> TokenSplits:
        np.save(cache.stream_file(folder, "train"), np.full(5, 7, np.uint16))
        return splits()

    assert cache.tokens(tmp_path, "text", make).train.tolist() == [7] * 5


@pytest.mark.parametrize("name", ["train.npy", "val.npy", "header.json", "checksums.json"])
def test_damage_to_any_byte_of_any_file_is_survived(tmp_path: Path, name: str) -> None:
    load(tmp_path)
    whole = (kept(tmp_path) / name).read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        (kept(tmp_path) / name).write_bytes(damaged)
        assert same(load(tmp_path), splits()), place


@pytest.mark.parametrize("name", ["train.npy", "header.json", "checksums.json"])
@pytest.mark.parametrize("fraction", [0, 0.5, 0.99])
def test_truncated_file_is_made_again(tmp_path: Path, name: str, fraction: float) -> None:
    load(tmp_path)
    whole = (kept(tmp_path) / name).read_bytes()
    (kept(tmp_path) / name).write_bytes(whole[: int(fraction * len(whole))])
    assert same(load(tmp_path), splits())
    assert (kept(tmp_path) / name).read_bytes() == whole


def test_missing_file_is_made_again(tmp_path: Path) -> None:
    load(tmp_path)
    (kept(tmp_path) / "val.npy").unlink()
    assert same(load(tmp_path), splits())


def test_nothing_but_the_corpus_and_its_lock_remain(tmp_path: Path) -> None:
    load(tmp_path)
    names = sorted(path.name for path in (tmp_path / "processed").iterdir())
    assert names == [".text-v2.lock", "text-v2"]


def test_corpus_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    def make(_: Path) -> TokenSplits:
        raise DataError("no")

    with pytest.raises(DataError):
        cache.tokens(tmp_path, "text", make)
    assert [path.suffix for path in (tmp_path / "processed").iterdir()] == [".lock"]


def test_corpus_is_made_by_one_of_two_that_need_it(tmp_path: Path) -> None:
    made = []

    def make(_: Path) -> TokenSplits:
        made.append(threading.get_ident())
        time.sleep(0.2)
        return splits()

    both = [threading.Thread(target=cache.tokens, args=(tmp_path, "ab", make)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(made) == 1


def test_folder_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "processed").write_text("not a folder")
    with pytest.raises(FetchError, match=r"cannot be written .*SEEDBED_DATA_DIR"):
        load(tmp_path)
