"""Pictures in files, as a camera, a scanner or any program wrote them.

They are read by Pillow, upright, with 8 bits a channel, and of a file that cannot be read there is
one error that names it. Trade-off: of an animation the first picture is taken.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from seedbed.errors import DataError

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff"),
    *(".webp", ".pgm", ".ppm"),
)

STANDARD_INPUT = Path("/dev/stdin")

DEEPEST = 65535
"""White, where a channel has 16 bits."""


def image_files(source: Path) -> list[Path]:
    """The file itself, or the images in a folder and the folders within, by name.

    What systems hide there is left out, as macOS's `._*` and `.DS_Store`.

    Raises:
        DataError: If there is none.
    """
    if source.is_dir():
        files = sorted(path for path in source.rglob("*") if _is_image(path.relative_to(source)))
        if not files:
            raise DataError(f"{source}: has no images; expected {', '.join(SUFFIXES)} files.")
        return files
    is_pipe = source.exists() and (source == STANDARD_INPUT or not source.is_file())
    if source.suffix.lower() not in SUFFIXES and not is_pipe:
        raise DataError(
            f"{source}: expected an image, {', '.join(SUFFIXES)}, or a folder of them, because the "
            "run learnt from images."
        )
    return [source]


def names(files: list[Path], source: Path) -> list[list[str]]:
    """A cell for each of the `image_files` of a source: its name, or its place in the folder."""
    return [[file.name if file == source else str(file.relative_to(source))] for file in files]


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is a system's own."""
    return name.startswith(".") or name == "__MACOSX"


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not any(map(is_hidden, path.parts))


def read_picture(path: Path) -> Image.Image:
    """Read a picture, upright.

    Returns:
        An image of mode RGB or L, or RGBA where some of it may be transparent, or of mode F with
        greys from 0 to 255 where it is of 16 bits or more.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        content = io.BytesIO(path.read_bytes())  # of a pipe too, in which Pillow cannot go back
        with warnings.catch_warnings(), Image.open(content) as image:
            warnings.simplefilter("ignore")  # of metadata that are odd
            upright = ImageOps.exif_transpose(image)
            if upright.mode == "F" or upright.mode.startswith("I"):
                return Image.fromarray(_greys(upright))
            if upright.mode in ("L", "RGB") and not upright.has_transparency_data:
                return upright
            return upright.convert("RGBA")
    except Exception as error:  # a damaged file makes Pillow raise nearly anything, SyntaxError too
        first = (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, UnidentifiedImageError):
            first = "of no known kind"
        raise DataError(f"{path}: cannot be read as an image ({first}).") from None


def _greys(image: Image.Image) -> np.ndarray:
    """Greys of more than 8 bits as float32 from 0 to 255; Pillow itself would cut them off."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0, neginf=0).clip(0)
    largest = float(values.max(initial=0))
    whole = 1.0 if image.mode == "F" else float(DEEPEST)
    greys: np.ndarray = (values * (255 / max(whole, largest))).astype(np.float32)
    return greys


def on_paper(image: Image.Image, colour: str = "white") -> Image.Image:
    """A picture of mode RGBA as RGB, with paper of a colour behind what is transparent."""
    paper = Image.new("RGBA", image.size, colour)
    return Image.alpha_composite(paper, image).convert("RGB")
