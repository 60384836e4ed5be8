"""Going on with a sweep from its directory: the command it was begun with, given again."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from seedbed.config.overrides import foreign, is_multirun, quoted
from seedbed.errors import RunError
from seedbed.project import ROOT
from seedbed.sweep.ledger import Ledger


def resume(sweep: Path, more: Sequence[str] = ()) -> NoReturn:
    """Become `train.py` with a sweep's own arguments and `more` of the sweeper's, where it began.

    Raises:
        RunError: If the sweep's record cannot be read, or its command is more than a study's
            settings.
    """
    folder = sweep.absolute()
    record = Ledger(folder).record()
    if not is_multirun(record["command"]):
        raise RunError(
            f"{folder}: its command is that of no sweep (train.py "
            f"{shlex.join(record['command'])}), and nothing was started."
        )
    if words := foreign(record["command"]):
        raise RunError(
            f"{folder}: its command has {' '.join(words)}, and by such a sweep from "
            "elsewhere could run any code, or write anywhere. If it is yours, type the whole "
            "command again."
        )
    if Path(record["folder"]).is_dir():
        os.chdir(record["folder"])
    script = str(ROOT / "train.py")
    arguments = [*record["command"], *more, f"hydra.sweep.dir={quoted(str(folder))}"]
    # That folder may be a stranger's too: no modules from there.
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    try:
        os.execve(sys.executable, [sys.executable, script, *arguments], environment)
    except (OSError, ValueError) as error:  # it is too long, or has a zero byte
        raise RunError(
            f"{folder}: its command cannot be given again ({error}), and nothing was started."
        ) from None
