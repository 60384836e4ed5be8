"""The `seedbed` command: what can be done with a run's directory, or before there is one."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from seedbed.shell import explained

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Work with the directories that `python train.py` makes.",
)


@app.callback()
def _commands() -> None:
    """Keep the verb, even while there is only one."""


@app.command()
def execute(
    run: Annotated[Path, typer.Argument(help="The run's directory, with its config.yaml.")],
) -> None:
    """Fit and test what RUN says, going on from its last checkpoint if it has one.

    Example: seedbed execute logs/regression/line/2026-01-31_12-00-00-0a1b2c3d
    """
    from seedbed.runs.execute import execute as execute_run

    execute_run(run)


@app.command()
def fetch(
    what: Annotated[Literal["poems", "mnist"], typer.Argument(help="The data set.")] = "poems",
    data_dir: Annotated[
        Path, typer.Option(envvar="SEEDBED_DATA_DIR", help="Where data sets are kept.")
    ] = Path("~/.cache/seedbed"),
) -> None:
    """Fetch a data set, if it is not there yet.

    Example: seedbed fetch mnist
    """
    from seedbed.data.fetch import fetch as fetch_data
    from seedbed.data.mnist import MNIST_FILES
    from seedbed.data.poems import TANG_POEMS

    fetch_data({"poems": TANG_POEMS, "mnist": MNIST_FILES}[what], data_dir.expanduser())


def main() -> None:
    """Run the command; mistakes are explained and set the exit status."""
    with explained():
        app()


if __name__ == "__main__":
    main()
