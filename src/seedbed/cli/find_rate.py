"""Find a learning rate."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.arguments import AsJson, place_option, print_json
from seedbed.project import LOGS
from seedbed.speed import quick_imports
from seedbed.terminal import say


def find_rate(
    overrides: Annotated[list[str], typer.Argument(help="As of train.py.")],
    *,
    low: Annotated[float, typer.Option(help="The first rate.")] = 1e-6,
    high: Annotated[float, typer.Option(help="The last.")] = 10.0,
    steps: Annotated[int, typer.Option(help="How many training steps.")] = 100,
    out: Annotated[
        Path | None, place_option("Where rates.png and rates.csv go; else logs/find_rate.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Suggest a learning rate: the loss over one that rises, in a short fit that is not kept.

    Example: seedbed find-rate experiment=NAME optimizer=sgd
    """
    with quick_imports():
        from seedbed.runs import find_rate as finding
    from seedbed.terminal.console import on_stderr

    with on_stderr():
        found = finding.find_rate(overrides, low=low, high=high, steps=steps)
        folder = out or LOGS / "find_rate" / found.study
        finding.write(found, folder)
    if as_json:
        print_json(vars(found))
        return
    say(finding.as_text(found))
    say(f"\npicture: {folder / 'rates.png'}")
