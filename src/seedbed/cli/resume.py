"""Go on with a run, or a sweep."""

from typing import Annotated

import typer

from seedbed.cli.arguments import Run
from seedbed.record.files import SWEEP
from seedbed.speed import quick_imports


def resume(
    run: Run,
    longer: Annotated[
        list[str] | None,
        typer.Argument(
            help="max_steps=N or max_epochs=N, for a longer fit; trainer.accelerator=NAME or "
            "compile=false, where this machine lacks the run's own; trials=N of a sweep."
        ),
    ] = None,
) -> None:
    """Go on with RUN from its last checkpoint, in its directory and on its curve.

    A longer fit keeps its schedule, and after its end the last learning rate. Of a sweep, what has
    no result yet is trained.

    Example: seedbed resume logs/regression/table/2026-01-31_12-00-00-0a1b2c3d max_epochs=200
    """
    if (run / SWEEP).exists():
        from seedbed.sweep.resume import resume as resume_sweep

        resume_sweep(run, longer or [])
    else:
        with quick_imports():
            from seedbed.runs.resume import resume as resume_run

        resume_run(run, longer or [])
