"""Going on with a sweep from its directory: the command it was begun with, given again."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from seedbed.compose import ROOT
from seedbed.overrides import quoted
from seedbed.sweep.ledger import Ledger


def resume(sweep: Path, more: Sequence[str] = ()) -> NoReturn:
    """Become `train.py` with a sweep's own arguments, where it was started.

    Args:
        sweep: The sweep's directory, which may have been moved.
        more: Other values of the sweeper's settings, as `trials=40`.

    Raises:
        RunError: If the sweep's record cannot be read.
    """
    folder = sweep.absolute()
    record = Ledger(folder).record()
    if Path(record["folder"]).is_dir():
        os.chdir(record["folder"])
    script = str(ROOT / "train.py")
    arguments = [*record["command"], *more, f"hydra.sweep.dir={quoted(str(folder))}"]
    os.execv(sys.executable, [sys.executable, script, *arguments])
