"""The best job's settings, to train with them again: `--config-dir SWEEP experiment=best`.

Each group's settings become an option of their own, `SWEEP/optimizer/best.yaml` and so on, which
`experiment/best.yaml` selects. So nothing of the study is looked up in `conf/`, whose files may
change, and yet any option of a group replaces the whole of it on a command line, as
`optimizer=sgd` does, and `seed=7` reaches all that follow it. Trade-off: a folder a group.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from seedbed.config.compose import plain
from seedbed.files import place_text, writing

FILE = "best.yaml"

HEADER = """\
# @package _global_
# {title}
#   python train.py --config-dir SWEEP experiment=best
# SWEEP is the folder in which `experiment` lies. All settings are here and in the files best.yaml
# of its other folders.
"""


def write_best(config: DictConfig, folder: Path, title: str) -> None:
    """Write the options.

    Args:
        config: The best job's, as Hydra composed it.
        folder: The sweep's directory.
        title: Which job it is of.

    Raises:
        RunError: If they cannot be written.
    """
    choices = config.hydra.runtime.choices
    settings = _with_choices(plain(config, resolve=False), choices)
    groups = {name: settings.pop(name) for name in [*settings] if name in choices}
    place = OmegaConf.to_container(config.hydra.run, resolve=False)
    experiment = {
        "defaults": [{f"override /{group}": Path(FILE).stem} for group in groups],
        **settings,
        "hydra": {"run": _with_choices(place, choices)},
    }
    for group, node in groups.items():
        _place(folder / group, f"# {title}\n", node)
    _place(folder / "experiment", HEADER.format(title=title), experiment)


def remove_best(folder: Path) -> None:
    """Remove what was written of an earlier best job."""
    for file in folder.glob(f"*/{FILE}"):
        file.unlink()


def _with_choices(node: Any, choices: DictConfig) -> Any:
    """Settings in which the names of the options chosen are written out: here all are `best`."""
    if isinstance(node, dict):
        return {name: _with_choices(value, choices) for name, value in node.items()}
    if isinstance(node, str):
        return re.sub(r"\$\{hydra:runtime\.choices\.(\w+)\}", lambda m: choices[m[1]], node)
    return node


def _place(folder: Path, header: str, content: Any) -> None:
    with writing(folder):
        folder.mkdir(exist_ok=True)
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        place_text(folder / FILE, header + text)
