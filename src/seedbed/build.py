"""From a configuration to objects.

A node with a `_target_` is one call of that class or function, with the node's other keys as its
arguments; `_partial_` leaves the call for later. Only the targets listed here are ever imported,
by exact name, so a configuration from elsewhere cannot run other code.
"""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lightning import Callback, Trainer, seed_everything
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from seedbed.data.rows import RowsDataModule
from seedbed.data.tokens import TokensDataModule
from seedbed.errors import SettingError
from seedbed.optim.groups import parameter_groups
from seedbed.tasks.base import Task

TARGETS = frozenset(
    {
        "lightning.Trainer",
        "lightning.pytorch.loggers.TensorBoardLogger",
        "seedbed.callbacks.checkpoints.Checkpoints",
        "seedbed.callbacks.confusion.ConfusionMatrix",
        "seedbed.callbacks.initial_weights.InitialWeights",
        "seedbed.callbacks.progress.ProgressLines",
        "seedbed.callbacks.samples.TextSamples",
        "seedbed.callbacks.throughput.Throughput",
        "seedbed.data.poems.Poems",
        "seedbed.data.poems.PoemsTutorial",
        "seedbed.data.digits.Digits",
        "seedbed.data.exam.Exam",
        "seedbed.data.mnist.MNIST",
        "seedbed.data.points.Line",
        "seedbed.data.table.Table",
        "seedbed.data.verse.Verse",
        "seedbed.loggers.CSVLogger",
        "seedbed.nets.gpt.GPT",
        "seedbed.nets.gpt_tutorial.TutorialGPT",
        "seedbed.nets.mlp.MLP",
        "seedbed.nets.transformer_decoder.TransformerDecoder",
        "seedbed.optim.initialisers.constant",
        "seedbed.optim.initialisers.default",
        "seedbed.optim.initialisers.kaiming_normal",
        "seedbed.optim.initialisers.kaiming_uniform",
        "seedbed.optim.initialisers.normal",
        "seedbed.optim.initialisers.orthogonal",
        "seedbed.optim.initialisers.uniform",
        "seedbed.optim.initialisers.xavier_normal",
        "seedbed.optim.initialisers.xavier_uniform",
        "seedbed.optim.lamb.Lamb",
        "seedbed.optim.muon.MuonWithAdamW",
        "seedbed.optim.schedules.Constant",
        "seedbed.optim.schedules.Cosine",
        "seedbed.optim.schedules.Exponential",
        "seedbed.optim.schedules.MultiStep",
        "seedbed.optim.schedules.OneCycle",
        "seedbed.optim.schedules.Plateau",
        "seedbed.optim.schedules.Step",
        "seedbed.optim.schedules.WarmupStableDecay",
        "seedbed.tasks.binary.BinaryTask",
        "seedbed.tasks.language.LanguageTask",
        "seedbed.tasks.multiclass.MulticlassTask",
        "seedbed.tasks.regression.RegressionTask",
        "torch.optim.Adagrad",
        "torch.optim.Adam",
        "torch.optim.AdamW",
        "torch.optim.RMSprop",
        "torch.optim.SGD",
    }
)
"""Everything a configuration may name. A new study's classes are added here."""

FOLDER_ARGUMENTS = ("directory", "save_dir", "default_root_dir")
"""What constructors call the folder they write to."""


@dataclass(frozen=True)
class Study:
    """All parts of a run, ready to fit."""

    datamodule: RowsDataModule | TokensDataModule
    task: Task
    callbacks: list[Callback]
    trainer: Trainer


def build(config: Mapping[str, Any], folder: Path) -> Study:
    """Make all parts; the data is loaded first, because the net's sizes follow from it.

    Args:
        config: A resolved configuration of plain types.
        folder: The run's directory; callbacks and loggers write there and nowhere else.

    Raises:
        SettingError: If a target is not allowed.
        DataError: If the data cannot be used.
    """
    check_targets(config)
    datamodule: Any = construct(config["data"])
    datamodule.setup()
    seed_everything(config["seed"], verbose=False)
    net: nn.Module = construct(config["net"], **datamodule.sizes)
    construct(config["init"], net=net)
    if config["compile"]:
        net.compile()
    make_optimizer = construct(config["optimizer"])

    def optimizer(net: nn.Module) -> Optimizer:
        groups = parameter_groups(net, decay=config["weight_decay_on"])
        with _explained(config["optimizer"]):
            made: Optimizer = make_optimizer(groups)
        return made

    make_scheduler = construct(config["scheduler"])

    def scheduler(optimizer: Optimizer, total_steps: int) -> LRScheduler:
        with _explained(config["scheduler"]):
            made: LRScheduler = make_scheduler(optimizer, total_steps)
        return made

    task: Task = construct(config["task"], net=net, optimizer=optimizer, scheduler=scheduler)
    callbacks: list[Callback] = [
        _construct_in(folder, node) for node in config["callbacks"].values() if node
    ]
    loggers: list[Logger] = [
        _construct_in(folder, node) for node in config["logger"].values() if node
    ]
    trainer: Trainer = _construct_in(folder, config["trainer"], callbacks=callbacks, logger=loggers)
    return Study(datamodule, task, callbacks, trainer)


def construct(node: Mapping[str, Any], **given: Any) -> Any:
    """Call a node's target with the node's arguments and the `given` ones.

    Raises:
        SettingError: If the target is not allowed, or refuses a value.
    """
    target = resolve(node["_target_"])
    arguments = {key: value for key, value in node.items() if key not in ("_target_", "_partial_")}
    if node.get("_partial_"):
        return partial(target, **arguments, **given)
    with _explained(node):
        return target(**arguments, **given)


@contextmanager
def _explained(node: Mapping[str, Any]) -> Iterator[None]:
    """Name the target that refuses a value, as one out of its range, or a device not there."""
    try:
        yield
    except (ValueError, MisconfigurationException) as error:
        raise SettingError(f"{node['_target_']}: {error}") from error


def _construct_in(folder: Path, node: Mapping[str, Any], **given: Any) -> Any:
    """Construct something that writes files, in `folder` whatever its argument is called."""
    parameters = inspect.signature(resolve(node["_target_"])).parameters
    places = {name: str(folder) for name in FOLDER_ARGUMENTS if name in parameters}
    return construct({k: v for k, v in node.items() if k not in places}, **places, **given)


def resolve(name: str) -> Any:
    """Import an allowed target.

    Raises:
        SettingError: If it is not allowed.
    """
    if name not in TARGETS:
        raise SettingError(_refusal(name))
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def check_targets(config: Any) -> None:
    """Refuse a configuration that names anything not allowed, before anything is imported.

    Raises:
        SettingError: Naming every such target.
    """
    wrong = [name for name in targets(config) if name not in TARGETS]
    if wrong:
        raise SettingError("\n".join(map(_refusal, wrong)))


def targets(node: Any) -> Iterator[str]:
    """Every `_target_` in a configuration, nested ones too."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            yield str(node["_target_"])
        for value in node.values():
            yield from targets(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from targets(value)


def _refusal(name: str) -> str:
    return (
        f"_target_: {name} is not among the classes this project allows. "
        "If it is yours, add it to TARGETS in seedbed/build.py."
    )
