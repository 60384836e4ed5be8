"""A table of runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from seedbed.cli.arguments import AsJson, place, print_json
from seedbed.project import LOGS
from seedbed.terminal import say


def runs(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=place, metavar="[FOLDER]", help="Where they are.", show_default="logs"
        ),
    ] = LOGS,
    state: Annotated[
        Literal["new", "running", "finished", "pruned", "failed", "interrupted", "unreadable"]
        | None,
        typer.Option(help="Show only those in this state."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            help="Show only those with this setting, as 'optimizer.lr<0.01', optimizer=Adam, "
            "tags=paper; may be repeated.",
            show_default=False,
        ),
    ] = None,
    sort: Annotated[
        Literal["name", "state", "metric", "steps", "age", "commit"],
        typer.Option(help="Sort by this column; the best metric and the oldest run come first."),
    ] = "age",
    as_json: AsJson = False,
) -> None:
    """List the runs in FOLDER and below: state, best key metric, steps, age, commit, command.

    A + after the commit stands for uncommitted changes, or files that git does not track.

    Example: seedbed runs logs/regression --state finished --sort metric
    """
    from seedbed.runs import table

    lines = table.lines(folder, state=state, where=where or (), sort=sort)
    print_json(table.as_json(lines)) if as_json else say(table.as_text(lines))
