"""A run's page, at the end of its fit or on request: the seam by which `report/` is reached."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed.config.build import Study
from seedbed.config.compose import composed, plain
from seedbed.config.overrides import REFUSALS
from seedbed.errors import SeedbedError, SettingError
from seedbed.files import refuse_links_out
from seedbed.record.directory import RunDirectory, write_json
from seedbed.record.files import flat
from seedbed.record.run import read_run
from seedbed.record.settings import EXPERIMENT
from seedbed.terminal import log

if TYPE_CHECKING:
    from seedbed.report.view import View


def examine(run: RunDirectory) -> None:
    """Say what went wrong in the fit, and keep it with the run; all may be well."""
    if find_spec("seedbed.report") is None:
        return
    from seedbed.report.doctor import diagnose

    findings = diagnose(read_run(run.path))
    write_json(run.doctor_file, {"findings": [asdict(finding) for finding in findings]})
    if findings:
        log.info("\nwhat the training doctor saw")
    for finding in findings:
        log.info(f"    {finding.text}\n        {finding.remedy}")


def after_fit(run: RunDirectory, config: Mapping[str, Any], study: Study) -> None:
    """Write the page of a run that has just finished, unless `report=false` or there is no extra.

    Whatever goes wrong with it is said, and is no failure of the run.
    """
    if config.get("report") is False or find_spec("seedbed.report") is None:
        return
    from seedbed.runs.view import view_of

    try:
        log.info(f"report: {_write(view_of(study, run, config))}")
    except Exception as error:
        log.info(f"report: not written ({type(error).__name__}: {error})")


def report(path: Path) -> Path:
    """Write the page of a run in any state; without pictures where its net cannot be opened.

    Returns:
        The page.

    Raises:
        RunError: If it is no run, or the page cannot be written.
    """
    from seedbed.report.doctor import diagnose
    from seedbed.report.run_page import Told, write_run_page
    from seedbed.runs.view import open_view

    RunDirectory(path).config()  # says what is no run
    refuse_links_out(path)
    try:
        view = open_view(path)
    except SeedbedError as error:
        log.info(f"no pictures: {error}")
        run = read_run(path)
        defaults = _defaults(run.config.get(EXPERIMENT))
        return write_run_page(run, Told(findings=diagnose(run), defaults=defaults))
    return _write(view)


def _write(view: "View") -> Path:
    from seedbed.report.doctor import diagnose
    from seedbed.report.picture import pictures_of
    from seedbed.report.run_page import Told, write_run_page

    told = Told(
        kind=view.kind,
        parameters=sum(p.numel() for p in view.net.parameters()),
        findings=diagnose(view.run),
        pictures=pictures_of(view),
        defaults=_defaults(view.run.config.get(EXPERIMENT)),
    )
    return write_run_page(view.run, told)


def _defaults(experiment: Any) -> dict[str, Any] | None:
    """An experiment's own settings, flat, as the configuration has them today; None without one."""
    from hydra.core.singleton import Singleton

    if experiment in (None, "none"):
        return None
    before = Singleton.get_state()
    try:
        return dict(flat(plain(composed([f"experiment={experiment}"]))))
    except (*REFUSALS, SettingError):  # it has gone, or needs a file
        return None
    finally:
        Singleton.set_state(before)
