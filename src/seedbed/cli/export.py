"""A net for other programs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from seedbed.cli.arguments import AsJson, Checkpoint, Run, place_option, print_json
from seedbed.speed import quick_imports
from seedbed.terminal import say


def export(
    run: Run,
    format: Annotated[Literal["onnx", "safetensors"], typer.Option(help="What to write.")],
    out: Annotated[
        Path | None, place_option("The folder to write to.", default="RUN/export")
    ] = None,
    checkpoint: Checkpoint = "best",
    as_json: AsJson = False,
) -> None:
    """Write RUN's net for other programs, and a JSON beside: inputs, outputs, vocabulary, scaler.

    The file is opened again, and its outputs are compared with the checkpoint's.

    Example: seedbed export logs/regression/table/2026-01-31_12-00-00-0a1b2c3d --format onnx
    """
    with quick_imports():
        from seedbed.runs.export import export as export_net
        from seedbed.runs.load import load

    written = export_net(load(run, checkpoint), format, out)
    if as_json:
        print_json(written)
    else:
        say(
            f"{written['file']}: outputs within {written['largest_difference']:.1g} of the "
            f"checkpoint's (tolerance {written['tolerance']:g})"
        )
