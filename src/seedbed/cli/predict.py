"""Predictions for new inputs."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.arguments import Checkpoint, Run, place, place_option
from seedbed.speed import quick_imports


def predict(
    run: Run,
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="INPUT",
            parser=place,
            help="A CSV file, - for one from standard input, an image, or a folder of images.",
            show_default="what the run's own module predicts from",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        place_option("The CSV file to write.", metavar="FILE", default="standard output"),
    ] = None,
    checkpoint: Checkpoint = "best",
) -> None:
    """Predict the target of each row of a CSV file, or the class of each PNG or JPEG image.

    The file needs the columns that RUN learnt from; it keeps its others. Images are
    prepared as the run's own were.

    Example: seedbed predict logs/regression/table/2026-01-31_12-00-00-0a1b2c3d new.csv
    """
    with quick_imports():
        from seedbed.runs.load import check_place, load
        from seedbed.runs.predict import predict as predict_rows
        from seedbed.runs.predict import write_csv

    opened = load(run, checkpoint, exact=True)
    file = None if str(out) == "-" else out
    if file:
        check_place(opened.directory, file)
    typed = Path("/dev/stdin") if str(source) == "-" else source
    write_csv(predict_rows(opened, typed), file)
