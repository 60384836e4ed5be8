from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from seedbed.errors import DataError
from studies.mnist.images import read_digit

SIZE, BOX, CENTRE = 28, 20, 14.5


@pytest.fixture
def seven() -> np.ndarray:
    """A shape 60 high and 40 wide, heavier at its top: ink from 0 to 1."""
    ink = np.zeros((60, 40))
    ink[:10] = 1
    ink[10:, 25:35] = 1
    return ink


def placed(ink: np.ndarray, folder: Path, name: str = "digit.png", **options: int) -> Path:
    """An image with this ink at a place on the paper, dark on light unless said otherwise."""
    top, left = options.get("top", 20), options.get("left", 50)
    paper, darkest = options.get("paper", 255), options.get("darkest", 0)
    canvas = np.full((150, 200), float(paper))
    height, width = ink.shape
    canvas[top : top + height, left : left + width] += (darkest - paper) * ink
    Image.fromarray(canvas.astype(np.uint8)).save(folder / name)
    return folder / name


def digit(path: Path) -> torch.Tensor:
    return read_digit(path, size=SIZE, box=BOX, centre=CENTRE)


def centre(image: torch.Tensor, axis: int) -> float:
    weights = image[0].sum(dim=1 - axis)
    return float((weights * (torch.arange(SIZE) + 0.5)).sum() / weights.sum())


def test_longer_side_gets_the_box_and_proportions_are_kept(
    seven: np.ndarray, tmp_path: Path
) -> None:
    image = digit(placed(seven, tmp_path))
    assert image.shape == (1, SIZE, SIZE)
    assert image.dtype == torch.float32
    rows, columns = (image[0].amax(dim=axis).nonzero().flatten() for axis in (1, 0))
    assert (len(rows), len(columns)) == (20, 13)


def test_centre_of_mass_is_where_it_is_wanted(seven: np.ndarray, tmp_path: Path) -> None:
    image = digit(placed(seven, tmp_path))
    assert centre(image, 0) == pytest.approx(CENTRE, abs=0.5)
    assert centre(image, 1) == pytest.approx(CENTRE, abs=0.5)


@pytest.mark.parametrize(
    "options",
    [{"top": 0, "left": 3}, {"paper": 0, "darkest": 255}, {"paper": 230, "darkest": 30}],
    ids=["elsewhere", "white on black", "grey on grey"],
)
def test_place_and_colours_do_not_matter(
    options: dict[str, int], seven: np.ndarray, tmp_path: Path
) -> None:
    plain, other = digit(placed(seven, tmp_path)), digit(placed(seven, tmp_path, **options))
    torch.testing.assert_close(plain, other, rtol=0, atol=0.01)


def test_size_does_not_matter(seven: np.ndarray, tmp_path: Path) -> None:
    plain = digit(placed(seven, tmp_path))
    doubled = digit(placed(np.kron(seven, np.ones((2, 2))), tmp_path, top=10))
    assert float((plain - doubled).abs().mean()) < 0.01


def test_image_made_as_the_training_set_was_is_left_as_it_is(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = np.zeros((SIZE, SIZE), dtype=np.uint8)
    pixels[4:24, 7:21] = random.integers(60, 255, (20, 14))
    pixels[20:24, 18:21] = 255  # which puts the centre of mass a little below the middle
    Image.fromarray(pixels).save(tmp_path / "made.png")
    expected = torch.from_numpy(pixels / 255).float()[None]
    torch.testing.assert_close(digit(tmp_path / "made.png"), expected)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 220, 255)])
def test_transparent_ground_is_paper_for_ink_of_any_colour(
    colour: tuple[int, int, int], seven: np.ndarray, tmp_path: Path
) -> None:
    picture = np.zeros((150, 200, 4), dtype=np.uint8)
    picture[..., :3] = colour
    picture[20:80, 50:90, 3] = 255 * seven
    Image.fromarray(picture).save(tmp_path / "clear.png")
    torch.testing.assert_close(digit(tmp_path / "clear.png"), digit(placed(seven, tmp_path)))


def test_sheet_with_clear_corners_is_its_digits_paper(seven: np.ndarray, tmp_path: Path) -> None:
    sheet = Image.open(placed(seven, tmp_path)).convert("RGBA")
    for corner in ((0, 0), (199, 0), (0, 149), (199, 149)):
        sheet.putpixel(corner, (255, 255, 255, 0))
    sheet.save(tmp_path / "sheet.png")
    torch.testing.assert_close(digit(tmp_path / "sheet.png"), digit(tmp_path / "digit.png"))


@pytest.mark.parametrize(
    ("paper", "darkest"), [(65535, 0), (35767, 3000), (4095, 100), (200, 10), (500, 60000)]
)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_show_what_eight_do_however_few_are_used(
    paper: int, darkest: int, suffix: str, seven: np.ndarray, tmp_path: Path
) -> None:
    canvas = np.full((150, 200), float(paper))
    canvas[20:80, 50:90] += (darkest - paper) * seven
    Image.fromarray(canvas.astype(np.uint16)).save(tmp_path / f"deep.{suffix}")
    deep = digit(tmp_path / f"deep.{suffix}")
    torch.testing.assert_close(deep, digit(placed(seven, tmp_path)), rtol=0, atol=0.01)


def test_photograph_in_poor_light_has_its_paper_behind_its_ink(
    seven: np.ndarray, tmp_path: Path
) -> None:
    photo = digit(placed(seven, tmp_path, "photo.png", paper=100, darkest=20))
    torch.testing.assert_close(photo, digit(placed(seven, tmp_path)), rtol=0, atol=0.01)


@pytest.mark.parametrize("shape", [(60, 2), (2, 60), (1, 1)])
def test_thin_shapes_stay_inside(shape: tuple[int, int], tmp_path: Path) -> None:
    image = digit(placed(np.ones(shape), tmp_path))
    assert image.max() > 0.5


def test_ink_at_one_edge_does_not_push_the_rest_out(tmp_path: Path) -> None:
    ink = np.full((40, 40), 0.3)
    ink[:3] = 1
    canvas = np.zeros((60, 60))
    canvas[10:50, 10:50] = ink
    Image.fromarray((255 * canvas).astype(np.uint8)).save(tmp_path / "top.png")
    image = read_digit(tmp_path / "top.png", size=8, box=8, centre=4)
    assert (image > 0.2).all()


def test_blank_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"digit\.png: shows nothing"):
        digit(placed(np.zeros((5, 5)), tmp_path))
