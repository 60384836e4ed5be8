import errno
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from seedbed.errors import DamagedError, RunError
from seedbed.record.checkpoint import is_own, load, reopen, save

WEIGHT = torch.arange(12.0).view(3, 4)
STATE = {"global_step": 3, "state_dict": {"net.weight": WEIGHT}}


class RunsCode:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made by a checkpoint",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save(STATE, tmp_path / "last.ckpt")
    return tmp_path / "last.ckpt"


def test_what_is_saved_is_loaded(path: Path) -> None:
    state = load(path)
    assert state["global_step"] == 3
    assert torch.equal(state["state_dict"]["net.weight"], WEIGHT)


def test_file_is_this_processs_own_until_it_is_written_to_or_replaced(path: Path) -> None:
    assert is_own(path)
    assert torch.equal(reopen(path)["state_dict"]["net.weight"], WEIGHT)
    content = path.read_bytes()
    path.write_bytes(content)
    assert not is_own(path)
    torch.save(STATE | {"code": RunsCode()}, path)
    with pytest.raises(RunError, match="holds pickled objects"):
        reopen(path)


def test_every_cut_is_found(path: Path) -> None:
    content = path.read_bytes()
    for length in range(0, len(content), 50):
        path.write_bytes(content[:length])
        with pytest.raises(DamagedError):
            load(path)


def test_every_flipped_bit_is_found_or_changes_nothing(path: Path) -> None:
    content = path.read_bytes()
    found = 0
    for place in range(0, len(content), 3):
        altered = bytearray(content)
        altered[place] ^= 1 << place % 8
        path.write_bytes(altered)
        try:
            state = load(path)
        except DamagedError:
            found += 1
        else:
            assert state["global_step"] == 3
            assert torch.equal(state["state_dict"]["net.weight"], WEIGHT)
    assert found > 100


def test_damaged_file_is_refused_and_named(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match=r"last\.ckpt is damaged, cut short or altered"):
        load(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"none\.ckpt: there is no such checkpoint"):
        load(tmp_path / "none.ckpt")


def test_file_that_may_not_be_read_is_not_called_damaged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(zipfile, "ZipFile", refuse)  # not by its mode, which root may ignore
    with pytest.raises(RunError, match=r"cannot be read \(Permission denied\)") as caught:
        load(path)
    assert not isinstance(caught.value, DamagedError)


def test_pickled_object_is_refused_and_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(STATE | {"more": RunsCode()}, "evil.ckpt")
    with pytest.raises(RunError, match=r"evil\.ckpt holds pickled objects \(posix\.mkdir\)"):
        load(Path("evil.ckpt"))
    assert [path.name for path in tmp_path.iterdir()] == ["evil.ckpt"]


@pytest.mark.parametrize("content", [{"weights": 1}, [1, 2], torch.zeros(2)])
def test_file_of_something_else_is_refused(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(RunError, match="is no checkpoint of a run"):
        load(tmp_path / "other.ckpt")


def test_archive_that_torch_did_not_write_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.ckpt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(DamagedError, match=r"other\.ckpt is damaged"):
        load(tmp_path / "other.ckpt")


def test_failed_write_names_the_file_and_its_cause_and_leaves_the_old_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="No space left on device") as caught:
        save(STATE | {"global_step": 4}, path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["last.ckpt"]


def failing(*arguments: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
