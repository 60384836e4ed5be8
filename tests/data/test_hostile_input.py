"""Whatever files of data hold: an answer or a refusal, within the limits, and nothing else."""

import io
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from hostile import bounded, mutated, refused, search, tries
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from seedbed.data.images import Images
from seedbed.data.pictures import read_picture
from seedbed.data.table import Table
from seedbed.data.text import Text
from seedbed.errors import DataError

# --- data -----------------------------------------------------------------------------------------

ROWS = "".join(
    f"{n % 7 / 3:.2f},{['oak', 'ash', 'élm'][n % 3]},2026-01-{n % 28 + 1:02},{n % 2}\n"
    for n in range(40)
)
TABLE = ("size,kind,when,y\n" + ROWS).encode()
KINDS = st.sampled_from(("regression", "binary", "multiclass"))


@tries(30, 500)
def test_any_table_is_read_or_refused(tries: int, tmp_path: Path, outside: Path) -> None:
    def attack(data: st.DataObject) -> None:
        path = tmp_path / "my.csv"
        path.write_bytes(data.draw(mutated(TABLE)))
        table = Table(path=str(path), target="y", kind=data.draw(KINDS))
        with bounded(outside):
            said = refused(table.setup)
        assert not said or str(path) in said

    search(tries, attack)


LINES = [f"第{n}行 of a text, with its own words {n * 37 % 101}." for n in range(60)]
CORPORA = {
    ".txt": "\n".join(LINES),
    ".json": json.dumps([{"text": line, "title": n} for n, line in enumerate(LINES)]),
    ".jsonl": "\n".join(json.dumps({"text": line}) for line in LINES),
}


@tries(30, 500)
def test_any_corpus_is_read_or_refused(tries: int, tmp_path: Path, outside: Path) -> None:
    def attack(data: st.DataObject) -> None:
        suffix = data.draw(st.sampled_from([*CORPORA]))
        path = (tmp_path / "my").with_suffix(suffix)
        path.write_bytes(data.draw(mutated(CORPORA[suffix].encode())))
        text = Text(path=str(path), data_dir=str(tmp_path / "data"), context=8)
        with bounded(outside):
            said = refused(text.setup)
        assert not said or str(path) in said

    search(tries, attack)


def picture(kind: str) -> bytes:
    drawn, file = np.random.default_rng(0).integers(0, 255, (12, 9, 3), np.uint8), io.BytesIO()
    Image.fromarray(drawn).save(file, kind)
    return file.getvalue()


@tries(30, 500)
def test_any_picture_is_read_or_refused(tries: int, tmp_path: Path, outside: Path) -> None:
    whole = {kind: picture(kind) for kind in ("png", "jpeg", "gif", "tiff", "bmp", "webp")}

    def attack(data: st.DataObject) -> None:
        kind = data.draw(st.sampled_from([*whole]))
        path = tmp_path / f"picture.{kind}"
        path.write_bytes(data.draw(mutated(whole[kind])))
        with bounded(outside):
            said = refused(lambda: read_picture(path))
        assert not said or said.startswith(f"{path}: cannot be read as an image (")

    search(tries, attack)


def test_text_in_a_picture_that_unfolds_without_end_is_refused(
    tmp_path: Path, outside: Path
) -> None:
    bomb = b"comment\0\0" + zlib.compress(bytes(2**29), 9)
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"zTXt", bomb)
    for number in range(2):
        (folder := tmp_path / "pictures" / f"kind {number}").mkdir(parents=True)
        Image.new("L", (4, 4)).save(folder / "a.png", pnginfo=chunks)
    with bounded(outside), pytest.raises(DataError, match=r"a\.png: cannot be read as an image"):
        read_picture(folder / "a.png")
    with bounded(outside):
        assert "a.png" in refused(Images(path=str(tmp_path / "pictures")).setup)
