"""Going on with a sweep from its directory: the command it was begun with, given again."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from seedbed.compose import ROOT, is_path
from seedbed.errors import RunError
from seedbed.overrides import MULTIRUN, SWEEPERS, quoted
from seedbed.sweep.ledger import Ledger

LAUNCHER = re.compile(r"hydra/launcher=[\w-]+|hydra\.launcher\.[a-z]\w*=[\w.,-]+")
"""Where jobs run, in names and numbers that can be nothing else in a batch script."""

SETTING = re.compile(r"[\w.]+")
"""The name of a setting, or of a group whose option is placed where it usually is."""


def resume(sweep: Path, more: Sequence[str] = ()) -> NoReturn:
    """Become `train.py` with a sweep's own arguments, where it was started.

    Args:
        sweep: The sweep's directory, which may have been moved.
        more: Other values of the sweeper's settings, as `trials=40`.

    Raises:
        RunError: If the sweep's record cannot be read, or its command is more than a study's
            settings.
    """
    folder = sweep.absolute()
    record = Ledger(folder).record()
    if foreign := [word for word in record["command"] if not _is_of_study(word)]:
        raise RunError(
            f"{folder}: its command has {' '.join(map(str, foreign))}, and by such a sweep from "
            "elsewhere could run any code, or write anywhere. If it is yours, type the whole "
            "command again."
        )
    if Path(record["folder"]).is_dir():
        os.chdir(record["folder"])
    script = str(ROOT / "train.py")
    arguments = [*record["command"], *more, f"hydra.sweep.dir={quoted(str(folder))}"]
    # That folder may be a stranger's too: no modules from there.
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    os.execve(sys.executable, [sys.executable, script, *arguments], environment)


def _is_of_study(word: object) -> bool:
    """Whether it is a sweep's flag, where jobs run, or a setting, but none of Hydra's or of paths.

    An option may not be looked for outside `conf`: its file could have Hydra call anything.
    """
    if word in ("-m", "--multirun", MULTIRUN) or LAUNCHER.fullmatch(str(word)):
        return True
    key, _, value = str(word).partition("=")
    is_machines = key.lstrip("+~").partition(".")[0] == "paths"
    own = key == "hydra.sweep.dir" or key.removeprefix("hydra.sweeper.") in SWEEPERS
    is_place = is_path(key) and SETTING.fullmatch(key)
    leads_out = not is_place and (".." in value or "$" in value)
    return not (key.startswith("-") or leads_out or is_machines) and (own or "hydra" not in key)
