"""Errors at the command line: a user's mistake gets an explanation and an exit status, no trace."""

import errno
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seedbed.config.overrides import HYDRAS, REFUSALS, is_multirun, settings_in
from seedbed.errors import RunError, SeedbedError, SettingError, out_of_memory
from seedbed.processes import distributed
from seedbed.processes.signals import INTERRUPTED, PARENT, end_with
from seedbed.project import is_there
from seedbed.terminal import print_any_character, say

PLACES = (errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EROFS)
"""What the system has against a place that was typed, and nothing that is missing."""

EXTRAS = ("seedbed.demo", "seedbed.looks", "seedbed.report", "seedbed.sweep")
"""What a project can do without, but for the commands that are of it."""

LIBRARIES = ("pathlib", "logging")
"""Python's own that raise what Hydra is to blame for, where Hydra called them."""


@contextmanager
def explained(folder: Path | None = None) -> Iterator[None]:
    """Turn errors that a user can cause into messages, and end with the right exit status.

    Args:
        folder: Removed again after an error if it is still empty: Hydra makes a run's directory
            before its settings are checked.
    """
    # Hydra's own handling prints half a trace and exits with 1; with this it raises instead.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    print_any_character()
    try:
        yield
    except REFUSALS as error:
        if not _is_hydras(error):
            raise
        from seedbed.config.override_problems import setting_problems

        arguments = sys.argv[1:]
        problems = setting_problems(settings_in(arguments), multirun=is_multirun(arguments))
        _leave(SettingError("\n".join(problems or [str(error)])))
    except OSError as error:
        if not _has_current_folder():
            _leave(RunError("The current folder has been removed; change to one that is there."))
        if error.errno in PLACES:
            _leave(RunError(f"{error.filename}: cannot be used ({error.strerror})."))
        if not _is_hydras(error):
            raise
        _leave(RunError(f"hydra.run.dir={error.filename}: cannot be made ({error.strerror})."))
    except ImportError as error:
        extra = ".".join((error.name or "").split(".")[:2])
        if extra not in EXTRAS or is_there(extra):
            raise
        place = f"src/{extra.replace('.', '/')}"
        _leave(RunError(f"This command needs {place}, an optional part that is not there."))
    except (MemoryError, RuntimeError, SeedbedError) as error:
        problem = error if isinstance(error, SeedbedError) else out_of_memory(error)
        if problem is None:
            raise
        if folder and folder != Path.cwd():
            with suppress(OSError):  # there are files in it, or it is gone
                folder.rmdir()
        _leave(problem)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def run_on_rank_zero(command: Callable[[], None]) -> None:
    """Run a command; of several processes only the first does, and the others follow it.

    So they agree on the run's directory, which each of them would name differently. A process
    that a run, a sweep or torchrun has started to work on a run ends with its parent.
    """
    torchruns = str(os.getppid()) if distributed.is_member() else ""
    if parent := os.environ.pop(PARENT, torchruns):
        end_with(int(parent))
    if not distributed.is_member():
        command()
        return
    from seedbed.runs.execute import follow

    with distributed.joined():
        if distributed.rank() == 0:
            _to_its_end(command)
            distributed.broadcast(None)  # that there is nothing more
        else:
            follow()


def _to_its_end(command: Callable[[], None]) -> None:
    try:
        command()
    except SystemExit as end:
        if end.code:
            raise


def _has_current_folder() -> bool:
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False


def _is_hydras(error: BaseException) -> bool:
    """Whether Hydra raised it against a command line, and not a run that Hydra had started."""
    modules = [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(error.__traceback__)]
    caller = next(name for name in reversed(modules) if name.split(".")[0] not in LIBRARIES)
    return isinstance(error, HYDRAS) or caller.startswith("hydra.")


def _leave(error: SeedbedError) -> None:
    say(str(error), err=True)
    sys.exit(error.exit_status)
