"""Do a run again, and compare."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.arguments import AsJson, Run, place_option, print_json
from seedbed.speed import quick_imports
from seedbed.terminal import say


def reproduce(
    run: Run,
    into: Annotated[
        Path | None, place_option("The new directory.", default="RUN/reproduced")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do RUN again from its record alone, in a new directory, and compare the metrics.

    On the same machine and versions they are identical; else what differs is listed, and the exit
    status is 1.

    Example: seedbed reproduce logs/regression/table/2026-01-31_12-00-00-0a1b2c3d --into again
    """
    with quick_imports():
        from seedbed.runs import reproduce as again
    from seedbed.terminal.console import on_stderr

    with on_stderr() if as_json else nullcontext():
        found = again.reproduce(run, into)
    print_json(again.as_json(found)) if as_json else say(again.as_text(found))
    raise typer.Exit(0 if found.identical else 1)
