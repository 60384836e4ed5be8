import io
import os
import struct
import zlib
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from seedbed.data.pictures import image_files, names, on_paper, read_picture
from seedbed.errors import DataError


@pytest.fixture
def greys() -> np.ndarray:
    return np.arange(12 * 16, dtype=np.uint8).reshape(12, 16)


def encoded(image: Image.Image, kind: str = "png", **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def with_chunk_name_broken(png: bytes) -> bytes:
    at = png.index(b"IDAT")
    return png[: at - 4] + struct.pack(">I", 7) + png[at:]


def with_checksum_broken(png: bytes) -> bytes:
    at = png.index(b"IDAT")
    return png[:at] + b"IDAT" + bytes([png[at + 4] ^ 255]) + png[at + 5 :]


def without_size(png: bytes) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", 0, 0, 8, 0, 0, 0, 0)
    return png[:8] + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) + png[33:]


@pytest.mark.parametrize(
    "damage",
    [
        lambda png: b"",
        lambda png: b"hello",
        lambda png: png[:20],
        lambda png: png[: len(png) // 2],
        with_chunk_name_broken,
        with_checksum_broken,
        without_size,
        lambda png: png[:40] + bytes(100) + png[40:],
    ],
    ids=["empty", "text", "head", "half", "length", "checksum", "no size", "zeros within"],
)
def test_broken_file_is_named(damage: object, greys: np.ndarray, tmp_path: Path) -> None:
    assert callable(damage)
    (tmp_path / "broken.png").write_bytes(damage(encoded(Image.fromarray(greys))))
    with pytest.raises(DataError, match=r"broken\.png: cannot be read as an image \([^<>]+\)\.$"):
        read_picture(tmp_path / "broken.png")


@pytest.mark.parametrize("kind", ["jpeg", "gif", "tiff", "webp", "bmp"])
def test_half_a_file_of_any_kind_is_named(kind: str, greys: np.ndarray, tmp_path: Path) -> None:
    content = encoded(Image.fromarray(np.kron(greys, np.ones((9, 9), np.uint8))), kind)
    (tmp_path / "half.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"half\.png: cannot be read as an image"):
        read_picture(tmp_path / "half.png")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.png: cannot be read as an image"):
        read_picture(tmp_path / "none.png")


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "LA", "RGBA"])
def test_picture_of_any_mode_has_its_greys_or_colours(
    mode: str, greys: np.ndarray, tmp_path: Path
) -> None:
    kind = "png" if mode in ("1", "L", "P", "RGB", "LA", "RGBA") else "tiff"
    light = Image.fromarray(np.full_like(greys, 255)).convert("RGB").convert(mode)
    (tmp_path / "light.png").write_bytes(encoded(light, kind))
    picture = read_picture(tmp_path / "light.png")
    assert picture.mode == (mode if mode in ("L", "RGB") else "RGBA")
    assert (np.asarray(picture) >= 254).all()


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bits_are_scaled_to_what_eight_show(
    kind: str, greys: np.ndarray, tmp_path: Path
) -> None:
    deep = Image.fromarray(greys.astype(np.uint16) * 257)
    (tmp_path / "deep.png").write_bytes(encoded(deep, kind))
    assert np.allclose(np.asarray(read_picture(tmp_path / "deep.png")), greys, atol=1e-3)


@pytest.mark.parametrize("largest", [1, 255, 65535])
def test_real_numbers_are_greys_of_the_range_that_holds_them(
    largest: int, greys: np.ndarray, tmp_path: Path
) -> None:
    real = (greys / greys.max() * largest).astype(np.float32)
    Image.fromarray(real).save(tmp_path / "real.tif")
    found = np.asarray(read_picture(tmp_path / "real.tif"))
    assert np.allclose(found, greys / greys.max() * 255, atol=1e-3)


@pytest.mark.parametrize("mode", ["L", "I;16"])
def test_picture_is_turned_as_its_camera_was(mode: str, greys: np.ndarray, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90° clockwise
    values = greys if mode == "L" else greys.astype(np.uint16) * 257
    Image.fromarray(values).save(tmp_path / "photo.png", exif=exif)
    picture = np.asarray(read_picture(tmp_path / "photo.png"))
    first = picture if picture.ndim == 2 else picture[..., 0]
    assert np.allclose(first, np.rot90(greys, -1), atol=1e-3)


def test_paper_lies_behind_what_is_transparent() -> None:
    picture = Image.new("RGBA", (2, 1), (10, 20, 30, 255))
    picture.putpixel((1, 0), (10, 20, 30, 0))
    assert np.asarray(on_paper(picture)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_folder_gives_its_images_by_name_and_nothing_else(tmp_path: Path) -> None:
    shown = ("a.png", "b.JPG", "c.jpeg", "deep/d.tif")
    hidden = ("._a.png", ".DS_Store", "Thumbs.db", "__MACOSX/a.png", ".cache/a.png", "notes.txt")
    for name in (*shown, *hidden):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert names(image_files(tmp_path), tmp_path) == [[name] for name in shown]


def test_folder_of_hidden_files_alone_has_no_images(tmp_path: Path) -> None:
    (tmp_path / "._a.png").touch()
    with pytest.raises(DataError, match="has no images; expected"):
        image_files(tmp_path)


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected an image, "):
        image_files(tmp_path / "students.csv")


def test_pipe_is_read_as_a_file_is(greys: np.ndarray, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    content = encoded(Image.fromarray(greys))
    writer = Thread(target=pipe.write_bytes, args=[content])
    writer.start()
    assert image_files(pipe) == [pipe]
    picture = read_picture(pipe)
    writer.join()
    assert np.array_equal(np.asarray(picture), greys)
