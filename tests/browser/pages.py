"""Runs to look at, and what a visit to a page found."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page

from seedbed.processes.signals import TERMINATED
from seedbed.record.directory import SEEDBED

HERE = ("127.0.0.1", "localhost")

SMALL = {
    "dots": ("experiment=dots", "max_epochs=5", "data.held_out=50"),
    "marks": ("experiment=marks", "max_epochs=4", "optimizer.lr=0.3"),
    "glyphs": (
        *("experiment=glyphs", "max_epochs=8", "net.hidden=[64]", "net.dropout=0"),
        "optimizer.lr=0.01",
    ),
    "rhymes": (
        *("experiment=rhymes", "data.poems=300", "data.context=24", "data.batch_size=4"),
        *("net.depth=1", "max_steps=40", "val_check_interval=10", "prompt='春山短歌'"),
    ),
}
"""A run of each kind: a curve, a table, images, text."""

Runs = dict[str, Path]


@dataclass
class Visit:
    """A page, and what went wrong there."""

    page: Page
    errors: list[str] = field(default_factory=list)
    """What it wrote to the console as errors, and exceptions of its scripts."""
    left: list[str] = field(default_factory=list)
    """Requests to anywhere but this machine."""

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda s: self.errors.append(s.text) if s.type == "error" else None)
        self.page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in ("file", "data", "blob") and address.hostname not in HERE:
            self.left.append(url)


Visiting = Callable[..., Page]
Serving = Callable[..., str]


@contextmanager
def served(*runs: Path) -> Iterator[str]:
    """The address of `seedbed demo`, which is a process of its own."""
    process = subprocess.Popen(
        [*SEEDBED, "demo", *map(str, runs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    timer = threading.Timer(120, process.kill)
    timer.start()
    try:
        assert process.stdout
        said = ""
        while not said.startswith("demo: "):
            line = process.stdout.readline()
            assert line, f"it has ended: {said}"
            said = line if line.startswith("demo: ") else said + line
        yield said.removeprefix("demo: ").strip()
    finally:
        timer.cancel()
        process.terminate()
        assert process.wait(30) == TERMINATED  # once its temporary files are gone
        if process.stdout:
            process.stdout.close()
