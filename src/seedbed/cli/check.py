"""Try a study without training it."""

from typing import Annotated

import typer

from seedbed.cli.arguments import AsJson, print_json
from seedbed.speed import quick_imports
from seedbed.terminal import say


def check(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="As of train.py.", show_default="each experiment in turn"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try a study without training it: every setting, the data, and one batch through the net.

    Example: seedbed check experiment=NAME optimizer.lr=0.1
    """
    with quick_imports():
        from seedbed.runs import check as preflight

    status = 0
    results = []
    for result in preflight.check_each(overrides or []):
        status = max(status, result.exit_status)
        results.append(vars(result))
        if not as_json:
            say(preflight.as_text(result))
    if as_json:
        print_json(results)
    raise typer.Exit(status)
