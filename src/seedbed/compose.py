"""What Hydra needs before it composes: where the project lies, and a name for each run.

Imported at every start, so it imports neither torch nor Lightning.
"""

import secrets
from datetime import datetime
from pathlib import Path

from omegaconf import OmegaConf

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder, in which `conf` and `logs` lie."""


def _run_id() -> str:
    """Time and four random bytes: runs sort by start, and twenty in one second stay apart."""
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(4)}"


def register_resolvers() -> None:
    """Make `${root:}` and `${runid:}` known; one composition has one run id."""
    OmegaConf.register_new_resolver("root", lambda: str(ROOT), replace=True)
    OmegaConf.register_new_resolver("runid", _run_id, use_cache=True, replace=True)
