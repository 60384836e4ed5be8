"""Rank runs, and draw them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from seedbed.cli.arguments import AsJson
from seedbed.project import LOGS


def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Runs' directories; any other folder means all runs below.")
    ],
    metric: Annotated[
        str | None, typer.Option(help="What to rank by and draw; else the experiment's monitor.")
    ] = None,
    x: Annotated[
        Literal["step", "epoch"], typer.Option(help="What curves are drawn over.")
    ] = "step",
    out: Annotated[
        Path | None,
        typer.Option(help="Where files go; else the folder named, or of several logs/comparison."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rank runs, from their files alone: a table, results.csv, pictures and report.html.

    Example: seedbed compare logs/sweeps/optimizers-0a1b2c3d --metric val/loss
    """
    from seedbed.report.comparison import compare as compare_runs
    from seedbed.report.runs import find_runs
    from seedbed.report.tables import print_json, print_table
    from seedbed.report.write import write_report
    from seedbed.terminal import on_stderr

    with on_stderr():
        found = find_runs(runs)
    comparison = compare_runs(found, metric=metric)
    print_json(comparison) if as_json else print_table(comparison)
    folder = out or (runs[0] if len(runs) == 1 else LOGS / "comparison")
    page = write_report(comparison, folder, axis=x)
    if not as_json:
        typer.echo(f"\nreport: {page}")
