"""The `seedbed` command: what can be done with a run's directory, or before there is one."""

import typer

from seedbed.cli.check import check
from seedbed.cli.compare import compare
from seedbed.cli.demo import demo
from seedbed.cli.evaluate import evaluate
from seedbed.cli.execute import execute
from seedbed.cli.export import export
from seedbed.cli.fetch import fetch
from seedbed.cli.find_rate import find_rate
from seedbed.cli.generate import generate
from seedbed.cli.new import app as new
from seedbed.cli.open import open
from seedbed.cli.predict import predict
from seedbed.cli.remove import remove
from seedbed.cli.report import report
from seedbed.cli.reproduce import reproduce
from seedbed.cli.resume import resume
from seedbed.cli.runs import runs
from seedbed.cli.shell import explained, run_on_rank_zero
from seedbed.cli.work import work

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Work with the directories that `python train.py` makes.",
)
app.command()(execute)
app.command(hidden=True)(work)
app.command()(resume)
app.command()(runs)
app.command()(report)
app.command()(open)
app.command()(evaluate)
app.command()(predict)
app.command()(generate)
app.command()(demo)
app.command()(export)
app.command()(reproduce)
app.add_typer(new, name="new")
app.command()(remove)
app.command()(check)
app.command()(find_rate)
app.command()(fetch)
app.command()(compare)


def main() -> None:
    """Run the command; mistakes are explained and set the exit status."""
    with explained():
        run_on_rank_zero(app)
