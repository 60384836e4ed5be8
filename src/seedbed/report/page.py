"""`report.html`: one page that holds all it shows, and can be sent as it is."""

import base64
import shlex
from collections.abc import Mapping
from pathlib import Path

from seedbed.report.comparison import Comparison
from seedbed.report.settings import shown
from seedbed.report.tables import columns, remarks, rows

TEMPLATE = Path(__file__).with_name("page.html")


def write_page(comparison: Comparison, pictures: Mapping[str, Path], file: Path) -> None:
    """Write the page.

    Args:
        comparison: The runs.
        pictures: PNG files by what they show.
        file: Where to write it.
    """
    from jinja2 import Environment, StrictUndefined

    # Everything in a run's files is text here, never HTML: the run may be a stranger's.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    names = [setting.name for setting in comparison.differences.settings]
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=comparison.title,
        count=len(comparison.runs),
        columns=columns(comparison),
        rows=[*rows(comparison)],
        remarks=remarks(comparison),
        names=names,
        pictures={
            caption: base64.b64encode(path.read_bytes()).decode()
            for caption, path in pictures.items()
        },
        common={name: shown(value) for name, value in comparison.differences.common.items()},
        commands=sorted({run.command for run in comparison.runs} - {""}),
        best=best_again(file.parent),
        runs=[
            (str(run.path), group.label, run.config.get("seed"), run.state, run.error)
            for group in comparison.groups
            for run in group.runs
        ],
    )
    file.write_text(page, encoding="utf-8", errors="backslashreplace")


def best_again(folder: Path) -> str:
    """How to train with a sweep's best settings again; empty if the folder has none."""
    if not (folder / "experiment" / "best.yaml").exists():
        return ""
    return f"python train.py --config-dir {shlex.quote(str(folder))} experiment=best"
