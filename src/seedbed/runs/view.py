"""A run that is opened to be seen, for its pictures and its page.

Imports torch late, for reports of runs that need none.
"""

from contextlib import suppress
from pathlib import Path

from seedbed.config.initial import initial_task
from seedbed.errors import SeedbedError
from seedbed.files import refuse_links_out
from seedbed.record.directory import RunDirectory
from seedbed.record.run import read_run
from seedbed.report.view import View
from seedbed.speed import quick_imports
from seedbed.terminal import log


def open_view(path: str | Path) -> View:
    """Open a run's directory to be seen, with the weights of its best checkpoint.

    Raises:
        RunError: As `load`.
        SettingError: As `load`.
    """
    with quick_imports():
        from seedbed.runs.load import load

    run = load(path)
    if hasattr(run.task, "configure_from_data"):
        with suppress(SeedbedError):  # without the data, what needs none is still drawn
            run.task.configure_from_data(run.datamodule)
    start = initial_task(run.config, getattr(run.datamodule, "sizes", {}))
    return View(read_run(run.directory.path, tolerant=True), run.task, run.datamodule, start)


def report(path: Path) -> Path:
    """Write the page of a run in any state; without pictures where its net cannot be opened.

    Returns:
        The page.

    Raises:
        RunError: If it is no run, or the page cannot be written.
    """
    from seedbed.looks.page import defaults_of, write_page
    from seedbed.report.doctor import diagnose
    from seedbed.report.picture import pictures_of
    from seedbed.report.run_page import DRAWN, Contents, write_run_page

    RunDirectory(path).config()  # says what is no run
    refuse_links_out(path, special=False)
    try:
        view = open_view(path)
    except SeedbedError as error:
        log.info(f"no pictures: {error}")
        run = read_run(path, tolerant=True)
        defaults = defaults_of(run)
        return write_run_page(run, Contents(findings=diagnose(run), defaults=defaults))
    return write_page(view, pictures_of(view, without=DRAWN))
