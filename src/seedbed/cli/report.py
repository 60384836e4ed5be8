"""The page of a run."""

from seedbed.cli.arguments import Run
from seedbed.speed import quick_imports
from seedbed.terminal import say


def report(run: Run) -> None:
    """Write RUN/report.html anew: what was run, how it went, pictures, settings, how to go on.

    A fit writes it at its end; this is for one that was interrupted, failed, or had report=false.

    Example: seedbed report logs/regression/table/2026-01-31_12-00-00-0a1b2c3d
    """
    with quick_imports():
        from seedbed.runs.view import report as write_report

    say(f"report: {write_report(run)}")
