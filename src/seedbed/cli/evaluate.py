"""Measure a checkpoint."""

from typing import Annotated, Literal

import typer

from seedbed.cli.arguments import AsJson, Checkpoint, Run, print_json
from seedbed.speed import quick_imports
from seedbed.terminal import say


def evaluate(
    run: Run,
    split: Annotated[Literal["val", "test"], typer.Option(help="The part of the data.")] = "val",
    checkpoint: Checkpoint = "best",
    as_json: AsJson = False,
) -> None:
    """Measure a checkpoint of RUN: on the same machine, exactly the metrics that the run logged.

    Example: seedbed evaluate logs/regression/table/2026-01-31_12-00-00-0a1b2c3d --split test
    """
    with quick_imports():
        from seedbed.runs.evaluate import evaluate as evaluate_run
    from seedbed.terminal import on_stderr

    with on_stderr():
        metrics = evaluate_run(run, split=split, checkpoint=checkpoint)
    if as_json:
        print_json(metrics)
    else:
        for name, value in metrics.items():
            say(f"{name:<28}{value:>10.4f}")
