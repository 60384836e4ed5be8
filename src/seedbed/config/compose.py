"""The configuration, from Hydra's groups in `conf/` to plain types.

Imported at every start, so it imports neither torch nor Lightning.
"""

import os
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seedbed.config.shorthand import written_out
from seedbed.project import CONF, LOGS

REFERENCE = re.compile(r"\$\{(?:oc\.select:)?(\w+)(?=[\[.,}])")
"""A setting that another one's value refers to."""

GROUPS = ("optimizer", "scheduler", "init", "data", "net", "task", "callbacks", "trainer", "name")
"""Settings whose value alone says enough."""

SILENT = ("experiment", "hydra", "logger", "paths", "print_every", "print_weights", "notes", "tags")
"""Settings that say nothing of how a run differs."""

LONGEST = 60
"""Characters of a run's name that say how it differs."""

HEADLESS = "its file must begin with # @package _global_, and without a byte order mark."
"""What is wrong with an experiment whose settings Hydra puts below `experiment`."""


def register_resolvers() -> None:
    """Make what a folder is called by known, `${runid:}` and so on; a composition has one id."""
    OmegaConf.register_new_resolver("logs", lambda: str(LOGS), replace=True)
    OmegaConf.register_new_resolver("runid", run_id, use_cache=True, replace=True)
    OmegaConf.register_new_resolver("named", _named, replace=True)
    OmegaConf.register_new_resolver("differs", _differs, replace=True)
    OmegaConf.register_new_resolver("help_page", _help_page, replace=True)


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


def is_path(key: str) -> bool:
    """Whether a setting is a file or a folder, in whatever group."""
    name = key.rpartition(".")[2]
    return name in ("weights", "vocabulary") or name.rpartition("_")[2] in ("path", "dir")


def is_url(value: str) -> bool:
    """Whether a text is an address, as `https://…`, and no place on this machine."""
    return "://" in value


def plain(config: DictConfig, *, resolve: bool = True) -> dict[str, Any]:
    """The study's settings as plain types; Hydra's and the machine's are left out.

    Paths become absolute, because a run may be resumed from another folder.

    Args:
        config: As Hydra composed it.
        resolve: Whether a setting that follows another, as `${seed}`, becomes its value.
    """
    from hydra.core.hydra_config import HydraConfig

    study = OmegaConf.masked_copy(config, [*map(str, config.keys() - {"hydra"})])
    container = OmegaConf.to_container(study, resolve=resolve)
    assert isinstance(container, dict)
    container.pop("paths", None)
    own = _own(study) if resolve else frozenset()
    settings = {str(k): _located(str(k), v) for k, v in container.items() if k not in own}
    typed = HydraConfig.get().overrides.task
    settings = written_out(settings, typed)
    if not resolve:
        return settings
    from seedbed.config.self_contained import settled  # imports torch, to see what the task is

    return settled(settings, typed)


def _own(study: DictConfig) -> frozenset[str]:
    """The settings that an experiment adds at the top level for some option to refer to.

    Their values stand where they are used, so a run's record need not keep them once more. The
    option that would use one may have been replaced.
    """
    frame = OmegaConf.load(CONF / "train.yaml")
    added = {
        str(name)
        for name in study
        if name not in frame and not OmegaConf.is_dict(study[name])  # but no group
    }
    if not added:
        return frozenset()
    if unused := added - {*REFERENCE.findall(str(OmegaConf.to_container(study)))}:
        options = (path.read_text(encoding="utf-8") for path in CONF.rglob("*.yaml"))
        added -= unused - {*REFERENCE.findall("".join(options))}
    return frozenset(added)


def use_paths(config: DictConfig) -> None:
    """Have this process, and those it starts, keep data sets where `paths.data_dir` says.

    It goes by the environment and not into the run's record, which cannot choose where to write.
    """
    chosen = config.paths.data_dir or os.environ.get("SEEDBED_DATA_DIR")
    if chosen:
        os.environ["SEEDBED_DATA_DIR"] = _located("data_dir", str(chosen))


def _located(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _located(str(name), inner) for name, inner in value.items()}
    if isinstance(value, str) and is_path(key) and "${" not in value and not is_url(value):
        # Path's own method raises an error where there is no such user.
        return str(Path(os.path.expanduser(value)).absolute())  # noqa: PTH111
    return value


def run_id() -> str:
    """Time and four random bytes: runs sort by start, and twenty in one second stay apart."""
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(4)}"


def _differs(typed: Sequence[str]) -> str:
    """What was typed beside the experiment, as part of a folder's name: `adam_lr-0.1_`."""
    words = []
    for override in typed:
        key, _, value = override.lstrip("+~").partition("=")
        silent = key.partition(".")[0] in SILENT or is_path(key) or "/" in value
        if value and not silent:
            label = value if key in GROUPS else f"{key.rpartition('.')[2]}-{value}"
            words.append(re.sub(r"[^\w.]+", "-", label).strip("-."))
    text = "_".join(filter(None, words))
    return f"{text[:LONGEST].rstrip('-._')}_" if text else ""


def _help_page() -> str:
    from seedbed.config.help_page import help_page

    return help_page()


def _named(name: str | None, path: str | None, experiment: str) -> str:
    """The name under which runs on a user's file are kept: their own, else the file's."""
    words = str(name or Path(path or "").stem or experiment)
    return re.sub(r"[^\w.-]+", "_", words).strip("._") or experiment
