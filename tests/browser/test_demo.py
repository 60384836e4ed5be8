"""The demo as somebody plays with it; that no request leaves is a part of every visit."""

from pathlib import Path

import pytest
from pages import Runs, Serving, Visiting
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def set_slider(page: Page, name: str, value: float) -> None:
    field = page.get_by_label(f"number input for {name}")
    field.fill(str(value))
    field.press("Enter")


@pytest.mark.parametrize(("name", "column", "value"), [("marks", "study", 9), ("dots", "x", 2)])
def test_prediction_and_its_place_follow_a_slider(
    runs: Runs, serve: Serving, visit: Visiting, *, name: str, column: str, value: float
) -> None:
    page = visit(serve(runs[name]))
    mark = page.locator(".surface .here")
    expect(mark).to_be_visible()
    place, said = mark.get_attribute("style") or "", predicted(page)
    set_slider(page, column, value)
    expect(mark).not_to_have_attribute("style", place)
    assert predicted(page) != said


def predicted(page: Page) -> str:
    """The bars' words, as `1 passed 73%`."""
    return page.locator(".block:has(.output-class)").inner_text()


def test_drawn_image_is_classified(runs: Runs, serve: Serving, visit: Visiting) -> None:
    page = visit(serve(runs["glyphs"]))
    expect(page.locator("button[aria-label=Brush]")).to_be_visible()
    box = page.locator("canvas").first.bounding_box()
    assert box
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle, box["y"] + 0.25 * box["height"])
    page.mouse.down()
    page.mouse.move(middle, box["y"] + 0.75 * box["height"], steps=10)
    page.mouse.up()
    expect(page.locator(".output-class")).to_be_visible(timeout=30_000)
    assert page.get_by_text("%").count() > 1


def test_text_is_written_on_from_its_first_line(
    runs: Runs, serve: Serving, visit: Visiting
) -> None:
    page = visit(serve(runs["rhymes"]))
    page.get_by_label("how it begins").fill("秋江")
    page.get_by_role("button", name="Write").click()
    written = page.locator(".written textarea")
    expect(written).not_to_have_value("")
    page.wait_for_function(
        "document.querySelector('.written textarea').value.length > 10", timeout=30_000
    )
    assert written.input_value().startswith("秋江")


def test_two_runs_stand_side_by_side(
    runs: Runs, serve: Serving, visit: Visiting, tmp_path: Path
) -> None:
    page = visit(serve(runs["marks"], runs["marks"]))
    expect(page.locator(".surface")).to_have_count(2)
    left, right = (page.locator(".surface").nth(n).bounding_box() for n in (0, 1))
    assert left
    assert right
    assert left["y"] == right["y"]
    assert left["x"] < right["x"]


@pytest.mark.parametrize("name", ["marks", "rhymes"])
def test_demo_fits_a_telephone_in_the_dark(
    runs: Runs, serve: Serving, visit: Visiting, name: str
) -> None:
    page = visit(serve(runs[name]), scheme="dark", width=390)
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
