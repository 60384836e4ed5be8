"""What can be fetched, before a run needs it: the data whose DataModule has a `fetch`."""

import os
from pathlib import Path

import yaml

from seedbed.config.build import build_data
from seedbed.config.compose import composed, plain
from seedbed.config.targets import resolve
from seedbed.errors import SettingError, nearest
from seedbed.project import CONF, settings


def fetch(name: str | None = None, into: Path | None = None) -> tuple[str, Path]:
    """Fetch the data of an option of `conf/data`, if it is not there yet.

    Args:
        name: The option; None is what the project's pyproject.toml names.
        into: Where data sets are kept; None is the usual place.

    Returns:
        The option's name, and the folder in which its files are.

    Raises:
        SettingError: If there is no such option, or nothing of it to fetch.
        FetchError: If it cannot be fetched.
    """
    name = name or settings().get("fetch")
    options = [path.stem for path in sorted((CONF / "data").glob("*.yaml")) if _can_fetch(path)]
    if name not in options:
        raise SettingError(f"{name or 'WHAT'}: nothing to fetch; {nearest(str(name), options)}")
    if into:
        os.environ["SEEDBED_DATA_DIR"] = str(into.expanduser().absolute())
    datamodule = build_data(plain(composed([f"data={name}"])))
    return name, getattr(datamodule, "fetch")()  # noqa: B009 - only such options come here


def _can_fetch(option: Path) -> bool:
    node = yaml.safe_load(option.read_text(encoding="utf-8"))
    return "_target_" in node and hasattr(resolve(node["_target_"], "data"), "fetch")
