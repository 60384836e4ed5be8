"""A real browser: Debian's Chromium, another of its kind, or Playwright's own."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from made import executed
from pages import SMALL, Runs, Serving, Visit, Visiting, served
from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)
"""So that it runs as root in a container, and asks nobody for anything by itself."""


expect.set_options(timeout=60_000)  # a demo's page takes seconds to load beside other tests


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=[*QUIET])
        yield browser
        browser.close()


@pytest.fixture
def serve() -> Iterator[Serving]:
    """Serves the demo of runs, and returns its address."""
    with ExitStack() as demos:
        yield lambda *runs: demos.enter_context(served(*runs))


@pytest.fixture
def visit(browser: Browser, serve: Serving) -> Iterator[Visiting]:
    """Opens pages in a colour scheme and at a width; by the end, nothing may have gone wrong.

    A page is closed before the demo that it shows.
    """
    visits: list[Visit] = []

    def open_page(address: str, *, scheme: Any = "light", width: int = 1200) -> Page:
        size: Any = {"width": width, "height": 900}
        page = browser.new_context(color_scheme=scheme, viewport=size).new_page()
        visits.append(Visit(page))
        page.goto(address)
        return page

    yield open_page
    for each in visits:
        each.page.context.close()
    assert [(each.errors, each.left) for each in visits if each.errors or each.left] == []


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A finished run of each kind, with its report."""
    folder: Path = tmp_path_factory.mktemp("runs")
    return {
        name: executed(folder / name, "report=true", *overrides).path
        for name, overrides in SMALL.items()
    }
