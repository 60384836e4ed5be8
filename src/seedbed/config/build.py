"""From a configuration to objects.

A node with a `_target_` is one call of that class or function, with the node's other keys as its
arguments; `_partial_` leaves the call for later. `targets` says which may be called in which place.
"""

import inspect
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import (
    Callback,
    LightningDataModule,
    LightningModule,
    Trainer,
    seed_everything,
)
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from seedbed.config.machine import search_for_gpus_once
from seedbed.config.self_contained import is_self_contained
from seedbed.config.targets import (
    GIVEN_PLACES,
    foreign_arguments,
    is_called_later,
    is_node,
    required,
    resolve,
    within,
)
from seedbed.config.type_checks import hints_of, takes_tuple
from seedbed.data.base import DataModule, DataOfModule
from seedbed.data.fetch import data_dir
from seedbed.data.loader import seeded
from seedbed.data.resumable import make_resumable, seed_hooks
from seedbed.errors import SettingError
from seedbed.metric_directions import COUNTS
from seedbed.nets.column_embeddings import embed, width
from seedbed.optim.groups import check_patterns, freeze, parameter_groups
from seedbed.optim.library_schedules import for_fit
from seedbed.processes.distributed import is_member
from seedbed.speed import with_lean_steps
from seedbed.tasks.base import Task
from seedbed.tasks.half import HalfNet
from seedbed.terminal import log

# At this level Lightning logs what it does: devices found, checkpoints restored.
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)
# Lightning 2.6 asks torch 2.14 in a way it has deprecated; nobody here can act on it.
warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)`")
# `log_every` counts the batches of the fit, whatever an epoch has.
warnings.filterwarnings("ignore", message=r"The number of training batches \(\d+\) is smaller")
# `Checkpoints` logs at which batch such an epoch goes on.
warnings.filterwarnings("ignore", message=r".*your dataloader is not resumable")
# Of hyperparameters, `Checkpoints` keeps plain values alone.
warnings.filterwarnings("ignore", message=r"Attribute '\w+' is an instance of `nn.Module`")
# Where a processor is used beside a GPU, that was chosen.
warnings.filterwarnings("ignore", message="GPU available but not used")
# It advises to average over processes what is the same in all of them, as the frame's counts.
AVERAGED = r"It is recommended to use `self\.log\("
warnings.filterwarnings("ignore", message=AVERAGED + f"'({'|'.join(COUNTS)})'")


Part = Literal["val", "test"]


@dataclass(frozen=True)
class Study:
    """All parts of a run, ready to fit."""

    datamodule: LightningDataModule
    task: LightningModule
    callbacks: list[Callback]
    trainer: Trainer


def has_part(datamodule: LightningDataModule, task: LightningModule, part: Part) -> bool:
    """Whether a DataModule, or else a module, has data of a part, and the module takes them."""
    hook = f"{part}_dataloader"
    if isinstance(datamodule, DataModule):
        return bool(getattr(datamodule, hook)())
    step = "validation_step" if part == "val" else "test_step"
    given = is_overridden(hook, datamodule, LightningDataModule)
    given = given or is_overridden(hook, task, LightningModule)
    return given and is_overridden(step, task, LightningModule)


def build(config: Mapping[str, Any], folder: Path) -> Study:
    """Make all parts; the data is loaded first, because the net's sizes follow from it.

    Args:
        config: A resolved configuration of plain types that passes `preflight.check`.
        folder: The run's directory; callbacks and loggers write there and nowhere else.

    Raises:
        SettingError: If a target is not allowed, or refuses a value.
        DataError: If the data cannot be used.
    """
    search_for_gpus_once()
    datamodule = build_data(config)
    if isinstance(datamodule, DataModule):  # else Lightning sets it up, once
        with _explained(config["data"]):
            datamodule.setup()
    seed_everything(config["seed"], verbose=False)
    # By this, several processes would be given this very seed again at the start of each fit.
    os.environ.pop("PL_GLOBAL_SEED")
    task = build_task(config, getattr(datamodule, "sizes", {}), datamodule)
    if isinstance(task, Task):
        warnings.filterwarnings("ignore", message=AVERAGED)  # its metrics are of all rows
        task.configure_from_data(datamodule)
    elif getattr(datamodule, "embedded", ()):
        log.info(
            f"data.embed=true: the last inputs are numbers of levels, which {type(task).__name__} "
            "has to embed itself; data.embed=false gives the commonest levels an input each."
        )
    callbacks, loggers = (
        [construct_in(folder, node, group) for node in config[group].values() if node]
        for group in ("callbacks", "logger")
    )
    trainer = build_trainer(config, folder, callbacks=callbacks, logger=loggers)
    if isinstance(datamodule, DataModule):
        _check_batches(trainer, datamodule)
    else:
        make_resumable(datamodule, task, seed=config["seed"])
    if trainer.global_rank > 0:  # all have the same weights, but each drops units of its own
        torch.manual_seed(config["seed"] + trainer.global_rank)
    return Study(datamodule, task, callbacks, trainer)


def build_data(config: Mapping[str, Any]) -> Any:
    """Make the LightningDataModule; the frame's own load their data once they are asked for any.

    What another one draws, here or in its hooks, is drawn from the run's seed. Without one, the
    module has loaders of its own.
    """
    if config.get("data") is None and is_self_contained(config):
        return DataOfModule()
    with seeded(config["seed"]):
        datamodule = construct_in(data_dir(), config["data"], "data")
    if not isinstance(datamodule, DataModule):
        seed_hooks(datamodule, seed=config["seed"])
    return datamodule


def build_task(config: Mapping[str, Any], sizes: Mapping[str, Any], data: Any = None) -> Any:
    """Make the LightningModule: the net, with its initial weights, and the task around it.

    Args:
        config: The configuration.
        sizes: What the data says of itself, from which the net takes what it needs.
        data: The DataModule; one that stands for the module's own loaders takes them.
    """
    if is_self_contained(config):
        task: LightningModule = construct(config["task"], "task")
        try:
            task.configure_model()
        except RuntimeError as error:
            if "not attached to a `Trainer`" not in str(error):  # which calls it again
                raise
        seed_hooks(task, seed=config["seed"])
        fine_tune(config, task)
        if isinstance(data, DataOfModule):
            data.take(task)
        return task
    net: nn.Module = construct(sized(config["net"], sizes), "net")
    if embedded := sizes.get("embedded"):
        embed(net, embedded)
    construct(config["init"], "init", net=net)
    fine_tune(config, net)
    if config["compile"]:
        net.compile()
    optimizer, scheduler = partial(build_optimizer, config), partial(build_scheduler, config)
    return construct(config["task"], "task", net=net, optimizer=optimizer, scheduler=scheduler)


def fine_tune(config: Mapping[str, Any], net: nn.Module) -> None:
    """Freeze what is to stay as it is.

    Raises:
        SettingError: If a pattern is of no parameter, or a factor of a rate is not above 0.
    """
    frozen, scales = config.get("freeze") or (), config.get("lr_scale") or {}
    if not (frozen or scales):
        return
    names = [name for name, _ in net.named_parameters()]
    check_patterns("freeze", frozen, names)
    check_patterns("lr_scale", scales, names)
    for pattern, scale in scales.items():
        if not scale > 0:
            raise SettingError(f"lr_scale: {pattern}: {scale}: expected above 0; see also freeze.")
    # Lightning asks whether that is meant.
    warnings.filterwarnings("ignore", message=r"Found \d+ module\(s\) in eval mode at the start")
    freeze(net, frozen)


def sized(net: Mapping[str, Any], sizes: Mapping[str, Any]) -> dict[str, Any]:
    """A net's node with those of the data's sizes that it is made from."""
    known = {**sizes}
    if embedded := known.pop("embedded", ()):
        known["inputs"] += sum(width(levels) - 1 for levels in embedded)
    return {**net} | {
        name: known[name] for name in required(resolve(net["_target_"], "net")) if name in known
    }


def build_optimizer(config: Mapping[str, Any], net: nn.Module) -> Optimizer:
    """Make the optimizer for the parameters of a net."""
    scales = config.get("lr_scale")
    groups = parameter_groups(net, decay=config["weight_decay_on"], lr_scale=scales)
    with _explained(config["optimizer"]):
        optimizer: Optimizer = construct(config["optimizer"], "optimizer")(groups)
    for group in optimizer.param_groups if scales else ():
        group["lr"] *= group.get("lr_scale", 1.0)
    optimizer.register_load_state_dict_post_hook(_lay_out)
    return optimizer


def _lay_out(optimizer: Optimizer) -> None:
    """Give the state that was loaded the strides of its parameters: a fused step takes them so."""
    for parameter, state in optimizer.state.items():
        if not isinstance(state, dict):
            continue  # some keep there what is of all parameters
        for name, value in state.items():
            if torch.is_tensor(value) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def build_scheduler(
    config: Mapping[str, Any], optimizer: Optimizer, total_steps: int
) -> LRScheduler:
    """Make the schedule of an optimizer, for a fit of so many steps."""
    with _explained(config["scheduler"]):
        return for_fit(
            construct(config["scheduler"], "scheduler"),
            optimizer,
            config["schedule_steps"] or total_steps,
            monitor=config["monitor"],
            mode=config["mode"],
        )


def build_trainer(config: Mapping[str, Any], folder: Path, **given: Any) -> Trainer:
    """Make the Trainer, with these callbacks and loggers.

    How it finds other processes is known here; Lightning would guess from a cluster's variables.
    """
    place = TorchElasticEnvironment() if is_member() else LightningEnvironment()
    plugins: list[Any] = [place]
    if (precision := config["trainer"].get("precision")) in ("bf16-true", "16-true"):
        plugins.append(HalfNet(precision))
        given["precision"] = None  # which it would be given twice
    trainer: Any = construct_in(folder, config["trainer"], "trainer", plugins=plugins, **given)
    trainer.profiler.dirpath = folder  # Lightning asks the first logger, which may have none
    return with_lean_steps(trainer)


def construct(node: Mapping[str, Any], kind: str, **given: Any) -> Any:
    """Call a node's target with the node's arguments and the `given` ones.

    An argument that is a node itself, as a Trainer's profiler, is constructed first.

    Args:
        node: The target's name as `_target_`, and its arguments.
        kind: The kind of place in which it stands, a key of `targets.KINDS`.
        given: Arguments that are no settings.

    Raises:
        SettingError: If the target is not allowed there, or refuses a value.
    """
    target = resolve(node["_target_"], kind)
    for name in foreign_arguments(target):  # a verb on a run does not check its settings
        if name in node:
            raise SettingError(
                f"{node['_target_']}: {name}: leads to files, code or a device; leave it out."
            )
    arguments = {
        key: _constructed(value, within(kind, key, target))
        for key, value in node.items()
        if key not in ("_target_", "_partial_") and key not in given
    }
    hints = hints_of(target)
    for key, value in arguments.items():
        if isinstance(value, list) and takes_tuple(hints.get(key)):
            arguments[key] = tuple(value)
    if target.__module__.startswith("torchvision.models."):
        for name in ("weights", "pretrained"):
            if arguments.get(name):
                raise SettingError(
                    f"{node['_target_']}: {name}={arguments[name]}: would be downloaded; expected "
                    "null."
                )
    if node.get("_partial_") or is_called_later(target, kind):
        return partial(target, **arguments, **given)
    with _explained(node):
        return target(**arguments, **given)


def _constructed(value: Any, kind: str | None) -> Any:
    """An argument with what it holds of nodes called, in a list and by names too."""
    if is_node(value) and kind:
        return construct(value, kind)
    if isinstance(value, Mapping):
        return {key: _constructed(one, kind) for key, one in value.items()}
    if isinstance(value, list):
        return [_constructed(one, kind) for one in value]
    return value


@contextmanager
def _explained(node: Mapping[str, Any]) -> Iterator[None]:
    """Name the target that refuses a value: it is out of range, or needs what is not there."""
    try:
        yield
    except (ValueError, MisconfigurationException, ImportError) as error:
        raise SettingError(f"{node['_target_']}: {error}") from error


def construct_in(folder: Path, node: Mapping[str, Any], kind: str, **given: Any) -> Any:
    """Construct something that writes files, in `folder` whatever its argument is called."""
    if kind == "logger":
        _check_inside(node)
    parameters = inspect.signature(resolve(node["_target_"], kind)).parameters
    places = {name: str(folder) for name in GIVEN_PLACES if name in parameters}
    return construct(node, kind, **places, **given)


def _check_batches(trainer: Trainer, datamodule: DataModule[Any]) -> None:
    """Check that each part's share is a batch or more, and an epoch one `val_check_interval`.

    Raises:
        SettingError: Naming the setting that leaves too few.
    """
    counts = {}
    for part in ("train", "val", "test"):
        whole = len(getattr(datamodule, f"{part}_dataloader")())
        limit: int | float = getattr(trainer, f"limit_{part}_batches")
        counts[part] = min(whole, limit) if isinstance(limit, int) else int(whole * limit)
        if whole and not counts[part]:
            raise SettingError(
                f"trainer.limit_{part}_batches={limit}: less than one of {whole} batches; give a "
                "larger share, or a whole number of batches."
            )
    interval, batches = trainer.val_check_interval, counts["train"]
    if isinstance(interval, int) and trainer.check_val_every_n_epoch and interval > batches:
        raise SettingError(
            f"val_check_interval={interval}: an epoch has {batches} batches; to count over epochs, "
            "set check_val_every_n_epoch=null."
        )


def _check_inside(node: Mapping[str, Any]) -> None:
    """Refuse a name by which a logger would leave its folder.

    Raises:
        SettingError: Naming it.
    """
    for key, value in node.items():
        if isinstance(value, str) and (
            Path(value).is_absolute() or ".." in Path(value).parts or "://" in value
        ):
            raise SettingError(
                f"{node['_target_']}: {key}={value}: expected a place in the run's directory."
            )
