"""Reports as a reader has them: dark and light, on a desk and on a telephone."""

import shutil
from pathlib import Path

import pytest
from pages import SMALL, Runs, Visiting
from playwright.sync_api import Page

from seedbed.record.run import find_runs
from seedbed.report.comparison import compare
from seedbed.report.write import write_report

pytestmark = pytest.mark.browser

EACH = pytest.mark.parametrize("report", [*SMALL, "sweep"])


@pytest.fixture(scope="session")
def pages(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The addresses of a run's report of each kind, and of one of several runs, as of a sweep."""
    folder = tmp_path_factory.mktemp("sweep")
    for number in range(2):
        shutil.copytree(runs["marks"], folder / str(number))
    config = folder / "1" / "config.yaml"
    config.write_text(config.read_text().replace("lr: 0.3", "lr: 0.2"))
    sweep = write_report(compare(find_runs([folder])), folder)
    files = {name: run / "report.html" for name, run in runs.items()} | {"sweep": sweep}
    return {name: Path(file).as_uri() for name, file in files.items()}


def text_without_alternative(page: Page) -> list[str]:
    """The pictures that say nothing to who cannot see them."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll("img, [role=img], svg:not([aria-hidden=true])")]
           .filter(x => !(x.getAttribute("alt") || x.getAttribute("aria-label") || "").trim())
           .map(x => x.outerHTML.slice(0, 80))"""
    )
    return found


@EACH
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_report_fits_its_page_and_every_picture_has_an_alternative_text(
    pages: dict[str, str], visit: Visiting, report: str, scheme: str, width: int
) -> None:
    page = visit(pages[report], scheme=scheme, width=width)
    page.evaluate("for (const more of document.querySelectorAll('details')) more.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert text_without_alternative(page) == []
    assert page.locator(".chart").count() > 0


@EACH
def test_page_follows_the_readers_colour_scheme(
    pages: dict[str, str], visit: Visiting, report: str
) -> None:
    grounds = [
        visit(pages[report], scheme=scheme).evaluate("getComputedStyle(document.body).background")
        for scheme in ("light", "dark")
    ]
    assert "rgb(255, 255, 255)" in grounds[0]
    assert "rgb(255, 255, 255)" not in grounds[1]


@EACH
def test_value_of_a_curve_is_read_at_the_pointer_and_with_the_keys(
    pages: dict[str, str], visit: Visiting, report: str
) -> None:
    page = visit(pages[report])
    chart = page.locator(".chart").first
    chart.locator(".plot").hover()
    at_the_pointer = chart.locator("output").text_content() or ""
    assert "training step" in at_the_pointer
    chart.locator(".plot").focus()
    page.keyboard.press("ArrowRight")
    assert chart.locator("output").text_content() not in ("", at_the_pointer)
