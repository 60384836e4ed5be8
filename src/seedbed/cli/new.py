"""Begin something of one's own."""

from typing import Annotated, Literal

import typer

from seedbed.terminal import say

app = typer.Typer(no_args_is_help=True, help="Begin a study or a project of your own.")


@app.command("study")
def study(
    name: Annotated[str, typer.Argument(help="What it is called: a Python package's name.")],
    kind: Annotated[
        Literal["points", "table", "images", "text", "lightning"],
        typer.Option(help="What it is begun from."),
    ],
) -> None:
    """Write a small study that trains at once, to be changed: data, net, YAML files and a test.

    Example: seedbed new study waves --kind points
    """
    from seedbed.new.study import new_study

    for path in new_study(name, kind):
        say(str(path))
    say(f"\npython train.py experiment={name}")
