"""Begin a study, or a project."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from seedbed.cli.arguments import place
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


@app.command("project")
def project(
    path: Annotated[Path, typer.Argument(parser=place, metavar="PATH", help="A new folder.")],
    name: Annotated[str, typer.Option(help="What its package of studies is called.")],
    studies: Annotated[
        str, typer.Option(metavar="NAME,NAME", help="Which of the studies here it begins with.")
    ] = "",
) -> None:
    """Make a project of your own: the frame as it is, your package, and the studies you choose.

    Example: seedbed new project ../floodnet --name floodnet --studies waves
    """
    from seedbed.new.project import new_project

    written = new_project(path, name, [*filter(None, str.split(studies, ","))])
    say(f"{path}: {len(written)} files, committed. cd {path} && make test")
