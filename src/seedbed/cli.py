"""The `seedbed` command: what can be done with a run's directory, or before there is one."""

import secrets
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from seedbed.compose import ROOT
from seedbed.imports import quick_imports
from seedbed.shell import explained, led
from seedbed.sweep import RECORD

LOGS = ROOT / "logs"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Work with the directories that `python train.py` makes.",
)


Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run's directory, wherever it lies.")]
Checkpoint = Annotated[str, typer.Option(help="best, last, or the path of a checkpoint.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.command()
def execute(
    run: Annotated[Path, typer.Argument(help="The run's directory, with its config.yaml.")],
) -> None:
    """Fit and test what RUN says, going on from its last checkpoint if it has one.

    Example: seedbed execute logs/regression/line/2026-01-31_12-00-00-0a1b2c3d
    """
    with quick_imports():
        from seedbed.runs.execute import execute as execute_run

    execute_run(run)


@app.command(hidden=True)
def work() -> None:
    """Execute the runs that a sweep names on standard input."""
    from seedbed.sweep import worker

    worker.work()


@app.command()
def resume(
    run: Run,
    longer: Annotated[
        list[str] | None,
        typer.Argument(
            help="max_steps=N or max_epochs=N, for a longer fit; trainer.accelerator=NAME or "
            "compile=false, where this machine lacks the run's own; trials=N of a sweep."
        ),
    ] = None,
) -> None:
    """Go on with RUN from its last checkpoint, in its directory and on its curve.

    A longer fit keeps its schedule, and after its end the last learning rate. Of a sweep, what has
    no result yet is trained.

    Example: seedbed resume logs/regression/line/2026-01-31_12-00-00-0a1b2c3d max_epochs=200
    """
    if (run / RECORD).exists():
        from seedbed.sweep.resume import resume as resume_sweep

        resume_sweep(run, longer or [])
    else:
        with quick_imports():
            from seedbed.runs.resume import resume as resume_run

        resume_run(run, longer or [])


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(help="Where they are.", show_default="logs")] = LOGS,
    state: Annotated[
        Literal["new", "running", "finished", "pruned", "failed", "interrupted", "unreadable"]
        | None,
        typer.Option(help="Show only those in this state."),
    ] = None,
    sort: Annotated[
        Literal["name", "state", "metric", "steps", "age", "commit"],
        typer.Option(help="Sort by this column; the best metric and the oldest run come first."),
    ] = "age",
    as_json: AsJson = False,
) -> None:
    """List the runs in FOLDER and below: state, key metric at its best, steps, age, commit.

    A + after the commit stands for uncommitted changes, or files that git does not track.

    Example: seedbed runs logs/regression --state finished --sort metric
    """
    from seedbed.runs import table

    lines = table.lines(folder, state=state, sort=sort)
    _print_json(table.as_json(lines)) if as_json else typer.echo(table.as_text(lines))


@app.command()
def evaluate(
    run: Run,
    split: Annotated[Literal["val", "test"], typer.Option(help="The part of the data.")] = "val",
    checkpoint: Checkpoint = "best",
    as_json: AsJson = False,
) -> None:
    """Measure a checkpoint of RUN: on the same machine, exactly the metrics that the run logged.

    Example: seedbed evaluate logs/binary/exam/2026-01-31_12-00-00-0a1b2c3d --split test
    """
    with quick_imports():
        from seedbed.runs.evaluate import evaluate as evaluate_run
    from seedbed.terminal import on_stderr

    with on_stderr():
        metrics = evaluate_run(run, split=split, checkpoint=checkpoint)
    if as_json:
        _print_json(metrics)
    else:
        for name, value in metrics.items():
            typer.echo(f"{name:<28}{value:>10.4f}")


@app.command()
def predict(
    run: Run,
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A CSV file, an image, or a folder of images.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The CSV file to write.", show_default="standard output")
    ] = None,
    checkpoint: Checkpoint = "best",
) -> None:
    """Predict the target of each row of a CSV file, or the digit in each PNG or JPEG image.

    The file needs the columns that RUN learnt from; it keeps its others. An image should show one
    digit on plain ground; it is scaled and centred as the run's digits are.

    Example: seedbed predict logs/binary/exam/2026-01-31_12-00-00-0a1b2c3d students.csv
    """
    with quick_imports():
        from seedbed.runs.load import check_place, load
        from seedbed.runs.predict import predict as predict_rows
        from seedbed.runs.predict import write_csv

    opened = load(run, checkpoint)
    file = None if str(out) == "-" else out
    if file:
        check_place(opened.directory, file)
    write_csv(predict_rows(opened, source), file)


@app.command()
def generate(
    run: Run,
    *,
    prompt: Annotated[
        list[str] | None,
        typer.Option(help="How a text starts; may be repeated.", show_default="the run's own"),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Texts for each prompt.")] = 1,
    length: Annotated[int, typer.Option(min=0, help="The most characters to write.")] = 200,
    temperature: Annotated[
        float, typer.Option(min=0, help="Below 1 more likely, above 1 bolder; 0 the likeliest.")
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="Draw from this many likeliest characters.")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Draw from the likeliest that together have this chance."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Fixes the texts.", show_default="another each time")
    ] = None,
    checkpoint: Checkpoint = "best",
    as_json: AsJson = False,
) -> None:
    """Let RUN's language model go on from a prompt, up to the end of a poem.

    Example: seedbed generate logs/language/poem_gpt/2026-01-31_12-00-00-0a1b2c3d --prompt 春夜喜雨
    """
    with quick_imports():
        from seedbed.runs import generate as writing
        from seedbed.runs.load import load

    opened = load(run, checkpoint)
    prompts = [text for text in prompt or [opened.config.get("prompt", "")] for _ in range(count)]
    if warning := writing.unknown(opened, prompts):
        typer.echo(warning, err=True)
    if seed is None:
        seed = secrets.randbelow(2**32)
        typer.echo(f"seed {seed}", err=True)
    streamed = len(prompts) == 1 and not as_json
    if streamed:
        typer.echo(prompts[0], nl=False)
    texts = writing.generate(
        opened,
        prompts,
        length=length,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        heard=_print_character if streamed else None,
    )
    if as_json:
        _print_json({"seed": seed, "warning": warning, "texts": [vars(text) for text in texts]})
    else:
        typer.echo("" if streamed else "\n\n".join(text.text.rstrip("\n") for text in texts))


@app.command()
def export(
    run: Run,
    format: Annotated[Literal["onnx", "safetensors"], typer.Option(help="What to write.")],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write to.", show_default="RUN/export")
    ] = None,
    checkpoint: Checkpoint = "best",
    as_json: AsJson = False,
) -> None:
    """Write RUN's net for other programs, and a JSON beside: inputs, outputs, vocabulary, scaler.

    The file is opened again, and its outputs are compared with the checkpoint's.

    Example: seedbed export logs/multiclass/mnist/2026-01-31_12-00-00-0a1b2c3d --format onnx
    """
    with quick_imports():
        from seedbed.runs.export import export as export_net
        from seedbed.runs.load import load

    written = export_net(load(run, checkpoint), format, out)
    if as_json:
        _print_json(written)
    else:
        typer.echo(
            f"{written['file']}: outputs within {written['largest_difference']:.1g} of the "
            f"checkpoint's (tolerance {written['tolerance']:g})"
        )


@app.command()
def reproduce(
    run: Run,
    into: Annotated[
        Path | None, typer.Option(help="The new directory.", show_default="RUN/reproduced")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do RUN again from its record alone, in a new directory, and compare the metrics.

    On the same machine and versions they are identical; else what differs is listed, and the exit
    status is 1.

    Example: seedbed reproduce logs/regression/line/2026-01-31_12-00-00-0a1b2c3d --into again
    """
    with quick_imports():
        from seedbed.runs import reproduce as again
    from seedbed.terminal import on_stderr

    with on_stderr() if as_json else nullcontext():
        found = again.reproduce(run, into)
    _print_json(again.as_json(found)) if as_json else typer.echo(again.as_text(found))
    raise typer.Exit(0 if found.identical else 1)


@app.command()
def check(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="As of train.py.", show_default="each experiment in turn"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try a study without training it: every setting, the data, and one batch through the net.

    Example: seedbed check experiment=poem_gpt data=verse net.depth=8
    """
    with quick_imports():
        from seedbed.runs import check as preflight

    status = 0
    results = []
    for result in preflight.check_each(overrides or []):
        status = max(status, result.exit_status)
        results.append(vars(result))
        if not as_json:
            typer.echo(preflight.as_text(result))
    if as_json:
        _print_json(results)
    raise typer.Exit(status)


@app.command()
def fetch(
    what: Annotated[
        Literal["poems", "song", "mnist"], typer.Argument(help="The data set.")
    ] = "poems",
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Where data sets are kept.", show_default="SEEDBED_DATA_DIR, or the user's cache"
        ),
    ] = None,
) -> None:
    """Fetch a data set, if it is not there yet, and say where it is.

    Example: seedbed fetch mnist
    """
    with quick_imports():
        from seedbed.data import fetch as fetching
        from seedbed.data.mnist import MNIST_FILES
        from seedbed.data.poems import SONG_POEMS, TANG_POEMS

    files = {"poems": TANG_POEMS, "song": SONG_POEMS, "mnist": MNIST_FILES}[what]
    folder = fetching.fetch(files, data_dir.expanduser() if data_dir else fetching.data_dir())
    typer.echo(f"{what}: {folder}")


@app.command()
def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Runs' directories; any other folder means all runs below.")
    ],
    metric: Annotated[
        str | None, typer.Option(help="What to rank by and draw; else the experiment's monitor.")
    ] = None,
    x: Annotated[
        Literal["step", "epoch"], typer.Option(help="What curves are drawn over.")
    ] = "step",
    out: Annotated[
        Path | None,
        typer.Option(help="Where files go; else the folder named, or of several logs/comparison."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rank runs, from their files alone: a table, results.csv, pictures and report.html.

    Example: seedbed compare logs/sweeps/optimizers-0a1b2c3d --metric val/loss
    """
    from seedbed.report.comparison import compare as compare_runs
    from seedbed.report.runs import find_runs
    from seedbed.report.tables import print_json, print_table
    from seedbed.report.write import write_report
    from seedbed.terminal import on_stderr

    with on_stderr():
        found = find_runs(runs)
    comparison = compare_runs(found, metric=metric)
    print_json(comparison) if as_json else print_table(comparison)
    folder = out or (runs[0] if len(runs) == 1 else LOGS / "comparison")
    page = write_report(comparison, folder, axis=x)
    if not as_json:
        typer.echo(f"\nreport: {page}")


def _print_json(content: Any) -> None:
    from seedbed.runs.directory import as_json

    typer.echo(as_json(content))


def _print_character(character: str) -> None:
    sys.stdout.write(character)
    sys.stdout.flush()


def main() -> None:
    """Run the command; mistakes are explained and set the exit status."""
    with explained():
        led(app)


if __name__ == "__main__":
    main()
