"""The configuration, from Hydra's groups in `conf/` to plain types.

Imported at every start, so it imports neither torch nor Lightning.
"""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder, in which `conf` and `logs` lie."""

CONF = ROOT / "conf"


def register_resolvers() -> None:
    """Make `${root:}` and `${runid:}` known; one composition has one run id."""
    OmegaConf.register_new_resolver("root", lambda: str(ROOT), replace=True)
    OmegaConf.register_new_resolver("runid", _run_id, use_cache=True, replace=True)


def composed(overrides: list[str]) -> DictConfig:
    """Compose as `python train.py OVERRIDES` does, Hydra's own part included."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    register_resolvers()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides, return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    return config


def plain(config: DictConfig) -> dict[str, Any]:
    """The study's settings, resolved, as plain types; Hydra's own part is left out."""
    study = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    container = OmegaConf.to_container(study, resolve=True)
    assert isinstance(container, dict)
    return {str(key): value for key, value in container.items()}


def _run_id() -> str:
    """Time and four random bytes: runs sort by start, and twenty in one second stay apart."""
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(4)}"
