"""A report, in the browser."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.arguments import place
from seedbed.errors import RunError
from seedbed.speed import quick_imports
from seedbed.terminal import say


def open(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", parser=place, help="A run's directory, or a sweep's.")
    ],
    print_only: Annotated[
        bool, typer.Option("--print", help="Print where it is, and open nothing.")
    ] = False,
) -> None:
    """Open the report of RUN, which is written if there is none, in the browser.

    Where there is no screen, its place is printed.

    Example: seedbed open logs/regression/table/2026-01-31_12-00-00-0a1b2c3d
    """
    page = run / "report.html"
    if not page.is_file():
        if not (run / "config.yaml").is_file():
            raise RunError(f"{run}: has no report.html, and no config.yaml to write one from.")
        with quick_imports():
            from seedbed.runs.view import report

        report(run)
    if print_only or not _has_screen():
        say(str(page.absolute()))
        return
    import webbrowser

    if not webbrowser.open(page.absolute().as_uri()):
        say(str(page.absolute()))


def _has_screen() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
