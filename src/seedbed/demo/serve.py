"""A page over one run, or two side by side, on this machine alone.

What is on it follows from the data, as what `seedbed predict` reads does: controls for the columns
of a table, something to draw on, or a first line. Gradio serves it, without telemetry, with the
fonts that the reader's machine has. Trade-off: Gradio takes two seconds to import.
"""

import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from seedbed.data.rows import RowsDataModule
from seedbed.data.tokens import TokensDataModule
from seedbed.demo import images, table, text
from seedbed.errors import RunError
from seedbed.runs.load import LoadedRun, load
from seedbed.speed import quick_imports
from seedbed.tasks.base import Task

LOOPBACK = "127.0.0.1"

SILENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""What keeps Gradio and its libraries from asking anybody for anything."""

CSS = """
.surface { position: relative; margin: 0.5rem 1rem 2.2rem 3.2rem; }
.surface .area { position: relative; aspect-ratio: 4 / 3; border: 1px solid #8888; }
.surface img, .surface svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.surface .here { position: absolute; width: 14px; height: 14px; margin: -7px; border-radius: 50%;
  background: #fff; border: 3px solid #222; }
.surface .end { position: absolute; font-size: 0.8rem; white-space: nowrap; }
.written textarea { font-size: 1.15rem; line-height: 1.7; }
footer { display: none !important; }
"""


def serve(
    places: Sequence[Path],
    *,
    host: str = LOOPBACK,
    port: int | None = None,
    ready: Callable[[str], None],
) -> None:
    """Serve the page until interrupted.

    Args:
        places: The directories of one run, or of two.
        host: The address to listen at; the loopback one is reached from this machine alone.
        port: Where; None for the first that is free from 7860.
        ready: Called with the page's address once it can be opened.

    Raises:
        RunError: If a run cannot be opened, is of no kind there is a page for, or is of another
            kind than the first; or if Gradio is missing.
    """
    if find_spec("gradio") is None:
        raise RunError("gradio not installed; get it with pip install '.[demo]'.")
    runs = [load(place) for place in places]
    build = _builder(runs)
    before = os.environ.copy()
    with TemporaryDirectory(prefix="seedbed-demo-") as folder:
        os.environ.update(SILENT, GRADIO_TEMP_DIR=folder)
        # What is asked of this machine itself goes through nobody else.
        os.environ["no_proxy"] = ",".join(filter(None, [before.get("no_proxy"), LOOPBACK]))
        try:
            _launch(runs, build, host, port, ready)
        finally:
            os.environ.clear()
            os.environ.update(before)


def _launch(
    runs: Sequence[LoadedRun],
    build: Callable[[Any, Sequence[LoadedRun]], str],
    host: str,
    port: int | None,
    ready: Callable[[str], None],
) -> None:
    with quick_imports(), _without_stubs():
        import gradio

    title = " and ".join(run.directory.path.name for run in runs)
    with gradio.Blocks(title=title, analytics_enabled=False) as page:
        gradio.Markdown("# " + " · ".join(map(name_of, runs)))
        if script := build(gradio, runs):
            page.load(None, js=script)
    theme = gradio.themes.Default(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            ssr_mode=False,
            show_error=True,
            footer_links=[],
            theme=theme,
            css=CSS,
        )
    except OSError as error:
        raise RunError(f"--port {port}: cannot be used ({error}).") from None
    ready(address)
    try:
        page.block_thread()
    finally:
        page.close(verbose=False)


@contextmanager
def _without_stubs() -> Iterator[None]:
    """Have Gradio write no stubs of its components beside its own files: half of its import.

    It asks where a component's file is, and writes none where there is none (read in 6.31).
    """

    def no_file(of: object) -> str:
        raise OSError(f"no file is asked for while Gradio is imported, of {of}")

    before = inspect.getfile
    inspect.getfile = no_file  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = before


def name_of(run: LoadedRun) -> str:
    """What to call a run: its own name or its experiment's, and its directory's."""
    name = run.config.get("name") or run.config["experiment_name"]
    return f"{name} ({run.directory.path.name})"


def _builder(runs: Sequence[LoadedRun]) -> Callable[[Any, Sequence[LoadedRun]], str]:
    """What builds the page of these runs.

    Raises:
        RunError: If there is none, or the runs cannot share one.
    """
    kinds = [_kind(run) for run in runs]
    if any(kind != kinds[0] for kind in kinds):
        first, second = (run.directory.path for run in runs)
        raise RunError(f"{second}: expected inputs like those of {first}, to show both on a page.")
    builders = {"text": text.build, "images": images.build, "table": table.build}
    return builders[kinds[0][0]]


def _kind(run: LoadedRun) -> tuple[Any, ...]:
    """Which page, and what runs on one page must share."""
    if isinstance(run.datamodule, TokensDataModule):
        return ("text",)
    if isinstance(run.datamodule, RowsDataModule) and isinstance(run.task, Task):
        if len(run.datamodule.state_dict()["shape"]) == 3:
            return ("images",)
        if columns := table.columns_of(run):
            return ("table", *(column.name for column in columns))
    raise RunError(
        f"{run.directory.path}: expected a run that learnt from a table, images or text; "
        "seedbed.load opens any in Python."
    )
