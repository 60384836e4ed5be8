"""Take a study out of the project."""

from typing import Annotated, Literal

import typer

from seedbed.config.removal import files_of, remove_files


def remove(
    what: Annotated[Literal["study"], typer.Argument(help="What to remove.")],  # noqa: ARG001
    name: Annotated[str, typer.Argument(help="The study: a folder of the project's own package.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go.")] = False,
) -> None:
    """Remove a study: its folder, its tests, and what of conf/ cannot be used without it.

    Example: seedbed remove study NAME --dry-run
    """
    found = files_of(name)
    for path in found:
        typer.echo(path)
    if not dry_run:
        remove_files(found)
