"""Fetch a data set."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from seedbed.fast.imports import quick_imports


def fetch(
    what: Annotated[
        Literal["poems", "song", "mnist"], typer.Argument(help="The data set.")
    ] = "poems",
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Where data sets are kept.", show_default="SEEDBED_DATA_DIR, or the user's cache"
        ),
    ] = None,
) -> None:
    """Fetch a data set, if it is not there yet, and say where it is.

    Example: seedbed fetch mnist
    """
    with quick_imports():
        from seedbed.data import fetch as fetching
        from studies.mnist.mnist import MNIST_FILES
        from studies.poems.poems import SONG_POEMS, TANG_POEMS

    files = {"poems": TANG_POEMS, "song": SONG_POEMS, "mnist": MNIST_FILES}[what]
    folder = fetching.fetch(files, data_dir.expanduser() if data_dir else fetching.data_dir())
    typer.echo(f"{what}: {folder}")
