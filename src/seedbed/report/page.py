"""`report.html`: one page that holds all it shows, and can be sent as it is."""

import base64
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seedbed.record.settings import shown
from seedbed.report.chart import Chart
from seedbed.report.comparison import Comparison
from seedbed.report.tables import columns, remarks, rows
from seedbed.terminal import printable


def page(template: str, **content: Any) -> str:
    """A page of `frame.html`, filled in; everything in a run's files is text there, never HTML.

    What a terminal would obey is shown as a code, for who reads the file in one.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return printable(environment.get_template(template).render(**content))


def encoded(picture: bytes) -> str:
    """A PNG file's content as a page holds it."""
    return base64.b64encode(picture).decode()


def write_page(
    comparison: Comparison, curves: Sequence[Chart], pictures: Mapping[str, Path], file: Path
) -> None:
    """Write the page of a comparison.

    Args:
        comparison: The runs.
        curves: The metric as it was learnt, and rates.
        pictures: PNG files by what they show.
        file: Where to write it.
    """
    names = [setting.name for setting in comparison.differences.settings]
    text = page(
        "comparison.html",
        title=comparison.title,
        count=len(comparison.runs),
        columns=columns(comparison),
        rows=[*rows(comparison)],
        remarks=remarks(comparison),
        names=names,
        curves=curves,
        pictures={caption: encoded(path.read_bytes()) for caption, path in pictures.items()},
        common={name: shown(value) for name, value in comparison.differences.common.items()},
        commands=sorted({run.command for run in comparison.runs} - {""}),
        best=best_again(file.parent),
        runs=[
            (str(run.path), group.label, run.config.get("seed"), run.state, run.error)
            for group in comparison.groups
            for run in group.runs
        ],
    )
    file.write_text(text, encoding="utf-8", errors="backslashreplace")


def best_again(folder: Path) -> str:
    """How to train with a sweep's best settings again; empty if the folder has none."""
    if not (folder / "experiment" / "best.yaml").exists():
        return ""
    return f"python train.py --config-dir {shlex.quote(str(folder))} experiment=best"
