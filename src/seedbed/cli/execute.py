"""Start or go on with what a run's directory says."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.arguments import place
from seedbed.speed import quick_imports


def execute(
    run: Annotated[
        Path,
        typer.Argument(
            parser=place, metavar="RUN", help="The run's directory, with its config.yaml."
        ),
    ],
) -> None:
    """Fit and test what RUN says, going on from its last checkpoint if it has one.

    Example: seedbed execute logs/regression/table/2026-01-31_12-00-00-0a1b2c3d
    """
    with quick_imports():
        from seedbed.runs.execute import execute as execute_run

    execute_run(run)
