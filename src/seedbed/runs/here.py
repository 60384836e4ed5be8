"""A run's settings on this machine, which may lack the device or the compiler they name.

Exact figures are promised on the same machine alone; elsewhere any device is used, and the log says
so. Not for resuming: a run that goes on elsewhere becomes another one, so there the user has to
choose.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from lightning import Callback, Trainer

from seedbed.config.build import build_trainer
from seedbed.config.machine import ALONE, alone, compiler_problems, device_problems
from seedbed.config.type_checks import shown
from seedbed.errors import RunError, SettingError
from seedbed.record.directory import RunDirectory

ANY_DEVICE = {"accelerator": "auto", **ALONE}
"""What a Trainer takes in place of devices that are not there."""


def as_here(config: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Put what there is in the place of what is lacking.

    Returns:
        The settings, and what is not as the run had it.

    Raises:
        SettingError: If they do not say what is to be compared.
    """
    trainer, compiled = config.get("trainer"), config.get("compile")
    if not isinstance(trainer, dict) or not isinstance(compiled, bool):
        raise SettingError("expected a trainer among the settings, and compile=true or false.")
    if any(device_problems(trainer)):
        trainer = trainer | {name: ANY_DEVICE[name] for name in ANY_DEVICE if name in trainer}
        if str(trainer.get("precision")).startswith("16"):  # a processor cannot
            trainer["precision"] = "32-true"
    here = config | {"trainer": trainer}
    if any(compiler_problems(trainer, compiled=compiled)):
        here["compile"] = False
    before = {"compile": compiled, **config["trainer"]}
    return here, [
        f"{name}={shown(value)} instead of {shown(before[name])}"
        for name, value in {"compile": here["compile"], **trainer}.items()
        if value != before[name]
    ]


def on_processor(config: dict[str, Any]) -> dict[str, Any]:
    """Put a processor in the place of any devices, and of half precision that it has not.

    Raises:
        SettingError: If there are no settings of a Trainer.
    """
    here = as_here(config)[0]
    trainer = here["trainer"] | ALONE | {"accelerator": "cpu"}
    if str(trainer.get("precision")).startswith("16"):
        trainer["precision"] = "32-true"
    return here | {"trainer": trainer}


def trainer_here(
    config: dict[str, Any], directory: RunDirectory, callbacks: Sequence[Callback] = ()
) -> Trainer:
    """A run's Trainer in one process, without what it writes but for these callbacks.

    Raises:
        RunError: If its settings make none.
    """
    settings = alone(config["trainer"]) | {"profiler": None}
    try:
        return build_trainer(
            config | {"trainer": settings}, directory.path, callbacks=[*callbacks], logger=False
        )
    except TypeError as error:
        raise RunError(f"{directory.config_file}: trainer: {error}.") from None


def other_here(differences: Iterable[str]) -> str:
    """Say in a line what is not as the run had it."""
    return f"Not as in the run: {', '.join(differences)}. Figures may differ from its own."
