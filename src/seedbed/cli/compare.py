"""Rank runs, and draw them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from seedbed.cli.arguments import AsJson, place, place_option, print_json
from seedbed.project import LOGS
from seedbed.terminal import say


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            parser=place,
            metavar="RUNS...",
            help="Runs' directories; any other folder means all runs below.",
        ),
    ],
    *,
    metric: Annotated[
        str | None,
        typer.Option(help="The metric to rank by and draw; else the experiment's monitor."),
    ] = None,
    mode: Annotated[
        Literal["min", "max"] | None,
        typer.Option(help="Which value of the metric is best, where it is not known."),
    ] = None,
    x: Annotated[
        Literal["step", "epoch"], typer.Option(help="What curves are drawn over.")
    ] = "step",
    out: Annotated[
        Path | None,
        place_option("Where files go; else the folder named, or of several logs/comparison."),
    ] = None,
    format: Annotated[
        Literal["text", "markdown", "latex"], typer.Option(help="How the table is printed.")
    ] = "text",
    as_json: AsJson = False,
) -> None:
    """Rank runs, from their files alone: a table, results.csv, pictures and report.html.

    Which setting is better is decided from runs with several seeds. Runs that decide by different
    metrics have a table each.

    Example: seedbed compare logs/sweeps/optimizers-0a1b2c3d --metric val/loss
    """
    from seedbed.record.run import find_runs
    from seedbed.report import markup, tables
    from seedbed.report.comparison import compare_each
    from seedbed.report.write import write_reports
    from seedbed.runs.view import open_view
    from seedbed.terminal.console import on_stderr

    with on_stderr():
        comparisons = compare_each(find_runs(runs), metric=metric, mode=mode)
    if as_json:
        ranked = [*map(tables.as_json, comparisons)]
        print_json(ranked if len(ranked) > 1 else ranked[0])
    elif format == "text":
        tables.print_tables(comparisons)
    else:
        as_text = markup.as_latex if format == "latex" else markup.as_markdown
        say("\n\n".join(map(as_text, comparisons)))
    folder = out or (runs[0] if len(runs) == 1 else LOGS / "comparison")
    for page in write_reports(comparisons, folder, axis=x, view=open_view):
        if not as_json:
            say(f"\nreport: {page}", err=format != "text")
