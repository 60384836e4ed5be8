"""What several verbs take and print."""

from pathlib import Path
from typing import Annotated, Any

import typer

from seedbed.terminal import say


def place(text: str | Path) -> Path:
    """A typed place; an empty one, as of a variable that is not set, would be the current folder.

    Raises:
        typer.BadParameter: If it is empty.
    """
    if not str(text).strip():
        raise typer.BadParameter("expected the name of a file or folder, got an empty one.")
    return Path(text)


def place_option(help: str, *, metavar: str = "FOLDER", default: str | bool = True) -> Any:
    """An option that is a place.

    Args:
        help: What it is for.
        metavar: What stands for it in the usage.
        default: What the help shows of what it is without.
    """
    return typer.Option(parser=place, metavar=metavar, help=help, show_default=default)


Run = Annotated[
    Path,
    typer.Argument(metavar="RUN", parser=place, help="The run's directory, wherever it lies."),
]
Checkpoint = Annotated[str, typer.Option(help="best, last, or the path of a checkpoint.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def print_json(content: Any) -> None:
    """Print plain types as JSON; a number that is not finite becomes null."""
    from seedbed.record.directory import as_json

    say(as_json(content), code="\\u{:04x}")
