"""Measure a checkpoint."""

from typing import Annotated, Literal

import typer

from seedbed.cli.arguments import AsJson, Checkpoint, Run, print_json
from seedbed.record.files import SWEEP
from seedbed.speed import quick_imports
from seedbed.terminal import say


def evaluate(
    run: Run,
    split: Annotated[Literal["val", "test"], typer.Option(help="The part of the data.")] = "val",
    checkpoint: Checkpoint = "best",
    as_json: AsJson = False,
) -> None:
    """Measure a checkpoint of RUN: on the same machine, exactly the metrics that the run logged.

    The first look at the test part of a run that was not tested is recorded, and counts.

    Example: seedbed evaluate logs/regression/table/2026-01-31_12-00-00-0a1b2c3d --split test
    """
    with quick_imports():
        from seedbed.runs.evaluate import evaluate as evaluate_run
        from seedbed.runs.evaluate import lines
    from seedbed.terminal.console import on_stderr

    with on_stderr():
        metrics = evaluate_run(run, split=split, checkpoint=checkpoint)
    if split == "test" and (run.absolute().parent / SWEEP).exists():
        from seedbed.sweep.ledger import Ledger

        Ledger(run.absolute().parent).note_openings()
    if as_json:
        print_json(metrics)
    else:
        for line in lines(metrics):
            say(line)
