"""What several verbs take and print."""

from pathlib import Path
from typing import Annotated, Any

import typer

from seedbed.terminal import say

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run's directory, wherever it lies.")]
Checkpoint = Annotated[str, typer.Option(help="best, last, or the path of a checkpoint.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def print_json(content: Any) -> None:
    """Print plain types as JSON; a number that is not finite becomes null."""
    from seedbed.record.directory import as_json

    say(as_json(content), code="\\u{:04x}")
