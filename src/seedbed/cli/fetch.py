"""Fetch a data set."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.arguments import place_option
from seedbed.speed import quick_imports
from seedbed.terminal import say


def fetch(
    what: Annotated[
        str | None,
        typer.Argument(help="An option of conf/data.", show_default="the project's main data"),
    ] = None,
    data_dir: Annotated[
        Path | None,
        place_option("Where data sets are kept.", default="SEEDBED_DATA_DIR, or the user's cache"),
    ] = None,
) -> None:
    """Fetch a data set, if it is not there yet, and say where it is.

    Example: seedbed fetch NAME --data-dir data
    """
    with quick_imports():
        from seedbed.runs.fetch import fetch as fetch_data

    name, folder = fetch_data(what, data_dir)
    say(f"{name}: {folder}")
