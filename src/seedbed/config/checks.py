"""Every wrong setting at once, before data or accelerator is touched.

Two kinds go wrong: names that Hydra cannot find, and values that a constructor cannot take, which
Hydra lets pass. Both are collected, each with what was expected and the nearest valid names. Once
all names and types are right, the constructors are tried, and what they refuse is collected too.
"""

import importlib.util
import inspect
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning import LightningModule

from seedbed.config.compose import HEADLESS, is_path, is_url
from seedbed.config.dry_run import refusals
from seedbed.config.machine import (
    compiler_problems,
    device_problems,
    is_distributed,
    process_count,
    scaler_problems,
)
from seedbed.config.self_contained import GROUPS, is_self_contained
from seedbed.config.shorthand import best
from seedbed.config.targets import (
    FILLED_IN,
    GIVEN_PLACES,
    KINDS,
    called_with,
    foreign_arguments,
    is_node,
    refused_targets,
    required,
    resolve,
    within,
)
from seedbed.config.type_checks import hints_of, shown, type_problem
from seedbed.errors import SettingError, nearest
from seedbed.project import CONF
from seedbed.record.checkpoint import checkpoint_at

TOP_LEVEL: dict[str, Any] = {
    "name": str | None,
    "tags": list[str] | None,
    "notes": str | None,
    "seed": int,
    "test": bool | None,
    "report": bool | None,
    "max_epochs": int,
    "max_steps": int,
    "schedule_steps": int | None,
    "check_val_every_n_epoch": int | None,
    "val_check_interval": int | float,
    "print_every": int,
    "log_every": int | None,
    "monitor": str | None,
    "mode": typing.Literal["min", "max"] | None,
    "weight_decay_on": typing.Literal["matrices", "all"],
    "compile": bool,
    "print_weights": bool,
    "weights": str | None,
    "weights_skip": Sequence[str] | None,
    "freeze": Sequence[str] | None,
    "lr_scale": Mapping[str, float] | None,
}
"""The settings outside any group, and their types."""

LEAST = {"schedule_steps": 1, "print_every": 1, "log_every": 1}
"""The least values of numbers outside any group."""

OFF = ("inference_mode", "enable_checkpointing")
"""What a Trainer has on by itself: but metrics outlive a validation, and checkpoints are ours."""

PROFILERS = ("simple", "advanced")
"""Names of Lightning's for those that `targets.KINDS` lists; its others end a fit with an error."""

SEEDS = 2**32
"""NumPy's generators take a seed from 0 to below this."""

GIVEN: dict[str, tuple[str, ...]] = {
    "data": GIVEN_PLACES,
    "net": (),  # and its sizes, which are its required arguments
    "init": ("net",),
    "task": ("net", "optimizer", "scheduler"),
    "optimizer": ("params",),
    "scheduler": ("optimizer", "total_steps", "last_epoch", "epochs", "steps_per_epoch"),
    "trainer": (*GIVEN_PLACES, "callbacks", "logger", "plugins"),
}
"""The groups of one constructor each, and the arguments that the build adds."""

COLLECTIONS = ("callbacks", "logger")
"""The groups of several constructors by name."""

GIVEN_PLACE = {
    "data": "data sets are kept in one place, which paths.data_dir=FOLDER chooses; leave it out.",
    **dict.fromkeys(COLLECTIONS, "it is the run's directory; leave it out."),
}
"""What is said of a place that the build adds."""

SIZES = ("inputs", "outputs", "channels", "vocabulary_size", "context")
"""What the frame's kinds of data can give a net; a net's other arguments are settings."""

PARTIAL = ("optimizer", "scheduler")
"""The groups whose constructors are called later, with what a fit has by then."""

NEEDED = {
    "path": "the name of a file or folder, as {}=FILE",
    "target": "a column's name, as {}=COLUMN",
}
"""What to type for arguments that no file of ours has a value for, by their names."""

EXTRAS = {
    "seedbed.loggers.MLflowLogger": "mlflow",
    "lightning.pytorch.loggers.WandbLogger": "wandb",
}
"""Targets that need a package, which the extra of the same name installs."""


def check(config: Mapping[str, Any], *, begun: bool = False) -> None:
    """Compare every setting with the constructor that will take it.

    Args:
        config: A resolved configuration of plain types.
        begun: Whether a fit goes on from a checkpoint, so that `weights` is not used.

    Raises:
        SettingError: Listing all that is wrong.
    """
    wrong = _top_level(config)
    trainer = _group(config, "trainer")
    devices = [*device_problems(trainer)]
    problems = [
        *refused_targets(config),
        *(_lengths(trainer, "trainer.") | wrong).values(),
        *_unknown(config),
        *_missing(config),
        *_constructors(config, {name: config.get(name) for name in wrong}),
        *_agreement(config),
        *([] if begun else _weights(config)),
        *_trainer(trainer),
        *(devices or _shares(trainer, _group(config, "data"))),
        *compiler_problems(trainer, compiled=config.get("compile") is True),
        *scaler_problems(trainer, fused=_group(config, "optimizer").get("fused") is True),
    ]
    if problems := problems or [*refusals(config)]:
        raise SettingError("\n".join(problems))


def _group(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A group's settings; none where it is no group."""
    group = config.get(name)
    return group if isinstance(group, Mapping) else {}


def _top_level(config: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the settings outside any group, by their names."""
    problems = {}
    for name, expected in TOP_LEVEL.items():
        value = config.get(name)
        problem = type_problem(name, value, expected) or _seed_problem(name, value)
        if not problem and isinstance(value, int) and value < LEAST.get(name, value):
            problem = f"{name}={value}: expected {LEAST[name]} or more."
        if problem:
            problems[name] = problem
    return problems | _lengths(config)


def _lengths(settings: Mapping[str, Any], place: str = "") -> dict[str, str]:
    """What is wrong with how long a fit is, and how often it validates, by name."""
    problems = {}
    if settings.get("max_epochs") == -1 and settings.get("max_steps") == -1:
        problems["max_epochs"] = (
            f"{place}max_epochs=-1 and {place}max_steps=-1: the fit would never end; set one of "
            "them."
        )
    for name in ("max_epochs", "max_steps"):
        value = settings.get(name)
        if isinstance(value, int) and value < 1 and value != -1:
            problems[name] = f"{place}{name}={value}: expected 1 or more, or -1 for no limit."
    epochs = settings.get("check_val_every_n_epoch")
    if isinstance(epochs, int) and epochs < 1:
        problems["check_val_every_n_epoch"] = (
            f"{place}check_val_every_n_epoch={epochs}: expected 1 or more."
        )
    interval = settings.get("val_check_interval")
    if isinstance(interval, int | float) and (
        interval <= 0 or (isinstance(interval, float) and interval > 1)
    ):
        problems["val_check_interval"] = (
            f"{place}val_check_interval={interval}: expected a share of an epoch up to 1.0, or a "
            "whole number of steps."
        )
    return problems


def _weights(config: Mapping[str, Any]) -> Iterator[str]:
    """Check that the weights to begin with are there; if they fit is seen once there is a net."""
    place, net = config.get("weights"), _group(config, "net")
    if isinstance(own := net.get("weights"), str):
        if place is not None:
            yield "weights and net.weights: expected one of them."
        if not Path(own).expanduser().is_file():
            hint = "; torchvision's own are named by net.pretrained" if "pretrained" in net else ""
            yield f"net.weights={own}: there is no such file{hint}."
    if place is None and config.get("weights_skip"):
        yield "weights_skip: goes with weights=RUN."
    if problem := _url_problem("weights", place):
        yield problem
    elif isinstance(place, str):
        file = checkpoint_at(Path(place).expanduser())
        if not file.is_file():
            yield f"weights={place}: there is no {file}; give a run's directory or a checkpoint."


def _unknown(config: Mapping[str, Any]) -> Iterator[str]:
    """Find what nothing reads; Hydra lets an experiment's file, and `+name=value`, add it."""
    known = {*TOP_LEVEL, *GIVEN, *COLLECTIONS, "experiment_name"}
    for name in config:
        if name == "experiment":
            yield f"experiment: {HEADLESS}"
        elif name not in known:
            yield f"{name}: no such setting; {nearest(name, known, shown_by='--cfg job')}"


def _missing(config: Mapping[str, Any]) -> Iterator[str]:
    """Find the groups that are not there, as after `scheduler=null`."""
    if not any(map(is_node, map(config.get, ("data", "net", "task")))):
        names = ", ".join(path.stem for path in sorted((CONF / "experiment").glob("*.yaml")))
        yield f"experiment: choose one, experiment=NAME; there is {names}. Or choose"
        yield "data=NAME, net=NAME and task=NAME by hand; --help shows them all. A file of your own"
        yield "chooses them in its defaults, as - override /data: NAME, or takes another's, - NAME."
        return
    task = config.get("task")
    module = _target(task, "task")
    unknown = is_node(task) and module is None  # so what it brings is not known
    own: tuple[str, ...] = GROUPS if unknown or is_self_contained(config) else ()
    if own and module and module.train_dataloader is not LightningModule.train_dataloader:
        own = (*own, "data")
    for group in GIVEN:
        if not is_node(config.get(group)) and group not in own:
            yield f"{group}: there is none; choose one, {group}=NAME."
    if isinstance(config.get("callbacks"), Mapping) and not config["callbacks"].get("checkpoints"):
        yield "callbacks.checkpoints: a run is tested from its best checkpoint; leave it on."
    for group in COLLECTIONS:
        nodes = config.get(group)
        if not isinstance(nodes, Mapping):
            yield f"{group}: there is none; choose one, {group}=NAME."
            continue
        for name, node in nodes.items():
            if node is not None and not is_node(node):
                yield f"{group}.{name}={shown(node)}: expected a `_target_` and its arguments."


def _target(node: Any, kind: str | None) -> Any:
    """What a node in a place of a kind calls; None if it calls nothing, or may not be looked at."""
    try:
        return resolve(str(node["_target_"]), kind) if kind and is_node(node) else None
    except SettingError:  # `refused_targets` says why
        return None


def _constructors(config: Mapping[str, Any], wrong: Mapping[str, Any]) -> Iterator[str]:
    """Check each node against its target, if it may be imported; `wrong` is reported already."""
    for group, given in GIVEN.items():
        # A net's sizes are compared with the data in `_agreement`.
        sizes = _sizes(config) if group == "net" else ()
        added = () if group == "task" and is_self_contained(config) else given
        yield from _node(group, config.get(group), group, (*added, *sizes), wrong)
    for group in COLLECTIONS:
        for name, node in _group(config, group).items():
            package = EXTRAS.get(str(node["_target_"])) if is_node(node) else None
            if package and importlib.util.find_spec(package) is None:
                yield (
                    f"{node['_target_']}: the package {package} is not installed; "
                    f"pip install --editable '.[{package}]'"
                )
            # None is one that is switched off, as by callbacks.samples=null
            yield from _node(f"{group}.{name}", node, group, GIVEN_PLACES, wrong)


def takes(group: str, node: Any, name: str | None) -> bool:
    """Whether a node in a group can be given an argument of this name; None for any at all."""
    given = [*GIVEN.get(group, GIVEN_PLACES), *(SIZES if group == "net" else ())]
    if group == "task" and is_self_contained({group: node}):
        given = []
    target = _target(node, group if group in KINDS else None)
    return target is not None and (name is None or name in _settable(target, given))


def _settable(target: Any, given: Collection[str]) -> set[str]:
    """The arguments of a target that have names, but those that the build adds."""
    named = {
        name
        for name, parameter in inspect.signature(target).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    return named - set(given) - {*foreign_arguments(target)}


def _sizes(config: Mapping[str, Any]) -> list[str]:
    """The arguments that the net needs and only data may give."""
    net = _target(config.get("net"), "net")
    provided = getattr(_target(config.get("data"), "data"), "provided_sizes", None)
    if net is None or provided is None:
        return []  # of a loader that says nothing of its data, sizes are settings
    return [name for name in required(net) if name in (*SIZES, *provided)]


def _node(
    path: str, node: Any, kind: str | None, given: tuple[str, ...], wrong: Mapping[str, Any]
) -> Iterator[str]:
    target = _target(node, kind)
    if target is None:
        return
    if (later := bool(node.get("_partial_"))) != (kind in PARTIAL) and kind != "part":
        yield f"{path}._partial_={shown(later)}: expected {shown(not later)}."
    hints = hints_of(target)
    given = (*given, *called_with(target, kind))
    settable, refused = _settable(target, given), foreign_arguments(target)
    for key, value in node.items():
        name = f"{path}.{key}"
        if key in ("_target_", "_partial_") or _is_reported(key, value, wrong):
            continue
        if (key, value) == ("mode", None) and kind == "callbacks":
            continue  # `_best` reports it
        if key in refused:
            yield f"{name}: leads to files, code or a device; expected to be left out."
        elif key not in settable:
            said = GIVEN_PLACE.get(kind or "") if key in GIVEN_PLACES and key in given else None
            yield f"{name}: {said or f'no such setting; {nearest(key, settable)}'}"
        elif inner := [*_nodes(name, value)]:  # as a Trainer's profiler, or a task's metrics
            for place, node_in_it in inner:
                inner_kind = within(kind, key, target)
                yield from _node(place, node_in_it, inner_kind, GIVEN_PLACES, wrong)
        else:
            hint = hints.get(key, Any)
            wrong_type = _absence(name, value, hint) or type_problem(name, value, hint)
            problems = [wrong_type, _seed_problem(name, value), _url_problem(name, value)]
            yield from filter(None, problems)
    for name in () if kind == "part" and later else required(target):
        if name not in node and name not in (*given, *FILLED_IN.get(kind or "", ())):
            yield f"{path}.{name}: is required by {node['_target_']}."


def _nodes(path: str, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The nodes that an argument is or holds, with their places."""
    if is_node(value):
        yield path, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _nodes(f"{path}.{name}", one)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _nodes(f"{path}.{number}", one)


def _is_reported(key: str, value: Any, wrong: Mapping[str, Any]) -> bool:
    """Whether a wrong value came from a top-level setting, as trainer.max_steps from max_steps."""
    return any(name.endswith(key) and value == other for name, other in wrong.items())


def _absence(name: str, value: Any, hint: Any) -> str | None:
    wanted = NEEDED.get(name.rpartition(".")[2])
    if value is not None or hint is not str or not wanted:
        return None
    return f"{name}: expected {wanted.format(name)}."


def _seed_problem(name: str, value: Any) -> str | None:
    if not name.endswith("seed") or not isinstance(value, int) or 0 <= value < SEEDS:
        return None
    return f"{name}={value}: expected a whole number from 0 to {SEEDS - 1}."


def _url_problem(name: str, value: Any) -> str | None:
    if not is_path(name) or not isinstance(value, str) or not is_url(value):
        return None
    return f"{name}={value}: expected a place on this machine; download it, and give its path."


def _agreement(config: Mapping[str, Any]) -> Iterator[str]:
    """Check what two groups must agree on, where both may be looked at."""
    data, task = _target(config.get("data"), "data"), _target(config.get("task"), "task")
    provided = getattr(data, "provided_sizes", ())
    needed = _sizes(config)
    if data and not set(needed) <= set(provided):
        yield (
            f"net: {config['net']['_target_']} is made from {', '.join(needed)}, this data "
            f"gives {', '.join(provided) or 'no sizes'}. Choose another net, or other data."
        )
    if hasattr(data, "kind") and hasattr(task, "kind"):
        kind = config["data"].get("kind", data.kind)  # where it is a setting, as of a table
        if kind != task.kind:
            yield f"task: this is for {task.kind}, but the data is for {kind}; choose task={kind}."
    if task:
        names = getattr(task, "metric_names", None)  # another task's are known once it logs them
        extra = config["task"].get("metrics")
        names = names and [*names, *(extra if isinstance(extra, Mapping) else ())]
        validated = names and [f"val/{name}" for name in names]
        yield from _best("", config, config["task"], validated)
        yield from _watched(config, validated and ["train/loss", *validated])


def _watched(config: Mapping[str, Any], known: list[str] | None) -> Iterator[str]:
    """Check the metrics that callbacks were given in place of the one that decides."""
    usual = config.get("monitor"), config.get("mode")
    for name, node in _group(config, "callbacks").items():
        if not is_node(node) or node.get("monitor") is None:
            continue
        if (node["monitor"], node.get("mode")) != usual:
            yield from _best(f"callbacks.{name}.", node, config["task"], known)


def _best(place: str, node: Mapping[str, Any], task: Any, known: list[str] | None) -> Iterator[str]:
    """Check that a metric set at a place is one there is, and that its best is its best."""
    monitor, mode = node.get("monitor"), node.get("mode", "")
    if known and monitor not in known:
        yield f"{place}monitor={shown(monitor)}: no such metric; {nearest(str(monitor), known)}"
    elif mode is None:
        yield (
            f"{place}mode=null: whether the best {monitor} is its lowest or its highest is not "
            f"known; set {place}mode=min or {place}mode=max."
        )
    elif mode in ("min", "max") and (right := best(monitor, task)) not in (mode, None):
        yield f"{place}mode={mode}: the best {monitor} is its {right}; set {place}mode={right}."


def _trainer(trainer: Mapping[str, Any]) -> Iterator[str]:
    """Check what the Trainer takes and cannot fit with."""
    for name in OFF:
        if trainer.get(name, True) is True:
            yield f"trainer.{name}: expected false."
    if isinstance(profiler := trainer.get("profiler"), str) and profiler not in PROFILERS:
        yield f"trainer.profiler={profiler}: expected {' or '.join(PROFILERS)}."
    clip = trainer.get("gradient_clip_val")
    if isinstance(clip, int | float) and clip < 0:
        yield f"trainer.gradient_clip_val={clip}: expected 0 or more."
    gathered = trainer.get("accumulate_grad_batches", 1)
    if isinstance(gathered, int) and gathered < 1:
        yield f"trainer.accumulate_grad_batches={gathered}: expected 1 or more."
    for unit in ("epochs", "steps"):
        least, most = trainer.get(f"min_{unit}"), trainer.get(f"max_{unit}")
        if isinstance(least, int) and isinstance(most, int) and -1 < most < least:
            yield f"trainer.min_{unit}={least}: expected {most} or less, as max_{unit} is."
    for name in ("limit_train_batches", "limit_val_batches", "limit_test_batches"):
        if trainer.get(name) == 0:
            yield f"trainer.{name}={trainer[name]}: expected some; a run needs every part."
    overfitted = trainer.get("overfit_batches", 0)
    if isinstance(overfitted, float) and overfitted:
        yield f"trainer.overfit_batches={overfitted}: expected a whole number of batches."


def _shares(trainer: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    """Check that each of several processes, on devices that are there, gets a share of a batch."""
    size = data.get("batch_size")
    if is_distributed(trainer) and isinstance(size, int):
        count = process_count(trainer) * trainer.get("num_nodes", 1)
        if size < count:
            yield f"data.batch_size={size}: {count} processes share it; expected {count} or more."
