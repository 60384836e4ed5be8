"""A page to play with a run."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.arguments import Run, place
from seedbed.processes.signals import exit_on_signals
from seedbed.speed import quick_imports
from seedbed.terminal import say


def demo(
    run: Run,
    other: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN2", parser=place, help="Another, shown beside it.", show_default=False
        ),
    ] = None,
    *,
    host: Annotated[
        str, typer.Option(help="Where it is reached; 0.0.0.0: from other machines too.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The port.", show_default="the first free from 7860"),
    ] = None,
) -> None:
    """Serve a page to play with RUN: sliders for a table, something to draw on, text to go on from.

    Only this machine reaches it, and it contacts no other. Ctrl-C ends it.

    Example: seedbed demo logs/regression/table/2026-01-31_12-00-00-0a1b2c3d
    """
    with quick_imports():
        from seedbed.demo.serve import serve

    places = [run] if other is None else [run, other]
    with exit_on_signals():  # by which its temporary files go too
        serve(places, host=host, port=port, ready=lambda address: say(f"demo: {address}"))
