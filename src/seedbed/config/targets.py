"""What a configuration may construct, by the place in which it is named.

Allowed are classes of the project's own packages, by the base class of the place, and of other
packages those in the places listed here. A configuration may come from anyone, so its names are
compared with these rules before anything is imported, and none of them can add a package.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from seedbed.config.type_checks import hints_of
from seedbed.errors import SettingError, nearest
from seedbed.project import FRAME, own_packages


@dataclass(frozen=True)
class Kind:
    """What may stand in one place of a configuration."""

    base: str
    """The base class, by its full name."""
    foreign: tuple[str, ...] = ()
    """Other people's classes: by full name, or `module.*` for those of `base` in a module."""
    function: str | None = None
    """An own function may stand there, too: the full name of what it says that it returns."""


LIGHTNING = "lightning.pytorch"
INITIALISERS = "seedbed.optim.initialisers"
BORING = f"{LIGHTNING}.demos.boring_classes"

KINDS: dict[str, Kind] = {
    "data": Kind("lightning.LightningDataModule", (f"{BORING}.BoringDataModule",)),
    "net": Kind("torch.nn.Module", ("torchvision.models.*",), function="torch.nn.Module"),
    "init": Kind("builtins.type", function="builtins.None"),
    "task": Kind("lightning.LightningModule", (f"{BORING}.BoringModel",)),
    "layer": Kind("torch.nn.Module", ("torch.nn.*",)),
    "loss": Kind("torch.nn.Module", ("torch.nn.*",), function="torch.Tensor"),
    "metric": Kind(
        "torchmetrics.Metric",
        (
            "torchmetrics.*",
            "torchmetrics.classification.*",
            "torchmetrics.regression.*",
        ),
        function="torch.Tensor",
    ),
    "transform": Kind("torch.nn.Module", ("torchvision.transforms.v2.*",)),
    "optimizer": Kind("torch.optim.Optimizer", ("torch.optim.*", "pytorch_optimizer.*")),
    "scheduler": Kind(
        "torch.optim.lr_scheduler.LRScheduler",
        ("torch.optim.lr_scheduler.*",),
    ),
    "callbacks": Kind(
        "lightning.Callback",
        tuple(
            f"{LIGHTNING}.callbacks.{name}"
            for name in (
                "DeviceStatsMonitor",
                "EarlyStopping",
                "EMAWeightAveraging",
                "GradientAccumulationScheduler",
                "LearningRateMonitor",
                "ModelSummary",
                "RichModelSummary",
                "RichProgressBar",
                "StochasticWeightAveraging",
                "Timer",
                "TQDMProgressBar",
                "WeightAveraging",
            )
        ),
    ),
    "logger": Kind(
        f"{LIGHTNING}.loggers.Logger",
        (f"{LIGHTNING}.loggers.TensorBoardLogger", f"{LIGHTNING}.loggers.WandbLogger"),
    ),
    "trainer": Kind("lightning.Trainer", ("lightning.Trainer",)),
    "profiler": Kind(
        f"{LIGHTNING}.profilers.Profiler",
        (f"{LIGHTNING}.profilers.SimpleProfiler", f"{LIGHTNING}.profilers.AdvancedProfiler"),
    ),
}
"""What may be constructed: the groups of the configuration, and what stands within their nodes."""

WITHIN = {
    ("data", None): "transform",
    ("net", None): "net",
    ("task", "loss"): "loss",
    ("task", "metrics"): "metric",
    ("task", None): "net",
    ("module", None): "part",
    ("part", None): "part",
    ("transform", None): "transform",
    ("trainer", "profiler"): "profiler",
}
"""The kind of a node within a node of a kind, by its key; None stands for any other key."""

PARTS = ("net", "layer", "optimizer", "scheduler", "metric", "loss")
"""The kinds of what a module that knows nothing of the frame may be given: a target is of any."""

FILLED_IN = {"metric": ("task", "num_classes"), "scheduler": ("T_max", "total_iters")}
"""Arguments that are known where a node of a kind is constructed, unless they are set."""

GIVEN_PLACES = ("directory", "save_dir", "dirpath", "default_root_dir", "data_dir")
"""What constructors call the folder they write to; a configuration cannot choose it."""

LISTED = frozenset({"project", "filename", "norm_kwargs"})
"""Arguments of other people's classes that only sound like a place, as a file's name in the run's,
or like arguments of more than a norm's numbers."""

PLACES = (
    *("path", "dir", "file", "filename", "dirpath", "filepath", "url", "uri", "root", "folder"),
    "registry",  # where a Trainer would send its checkpoints
    "dump",  # of a profiler's figures, by way of the current folder
)
CALLS = ("fn", "func", "function", "callable", "hook", "closure", "getter", "kwargs")
FILES_OR_CODE = re.compile("Path|Callable")
"""Types of such arguments, where their names do not say it."""


def resolve(name: str, kind: str) -> Any:
    """Import what a configuration names in a place of this kind.

    Args:
        name: The full name of a class, or of a function where one may stand.
        kind: A key of `KINDS`.

    Raises:
        SettingError: If it may not stand there, or is not there.
    """
    if kind == "part":
        return _part(name)
    if kind == "metric" and name.isidentifier():
        name = _torchmetrics(name)
    module, _, attribute = name.rpartition(".")
    own = _is_own(module)
    if not own and not _is_listed(name, kind):
        raise SettingError(_refusal(name, kind))
    try:
        found = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise  # what it imports itself is missing
        raise SettingError(f"_target_: {name}: there is no module {module}.") from None
    except AttributeError:
        raise SettingError(f"_target_: {name}: {module} has no {attribute}.") from None
    if problem := _own_problem(found, module, kind) if own else _foreign_problem(found, kind):
        raise SettingError(f"_target_: {name} may not be constructed here: {problem}")
    return found


def _part(name: str) -> Any:
    """What a module is given: a net, a layer, an optimizer, a schedule, a metric or a loss."""
    problems = set()
    for kind in PARTS:
        try:
            return resolve(name, kind)
        except SettingError as error:
            if _is_own(name.rpartition(".")[0]) or name.isidentifier() or _is_listed(name, kind):
                problems.add(str(error))
    raise SettingError(
        problems.pop()
        if len(problems) == 1
        else f"_target_: {name} may not be constructed here: expected a net, a layer, an "
        f"optimizer, a schedule, a metric or a loss, of {', '.join(own_packages())}, torch.nn, "
        "torch.optim, torchmetrics or torchvision.models."
    )


def check_targets(config: Any) -> None:
    """Refuse a configuration that names what may not be constructed.

    Raises:
        SettingError: Naming every such target.
    """
    if refused := [*refused_targets(config)]:
        raise SettingError("\n".join(refused))


def refused_targets(config: Any) -> Iterator[str]:
    """Say of each target in a configuration why it may not stand where it does."""
    for name, kind in named_targets(config):
        try:
            if kind is None:
                yield f"_target_: {name} may not be constructed here: expected a plain value."
            else:
                resolve(name, kind)
        except SettingError as error:
            yield str(error)


def named_targets(config: Any) -> Iterator[tuple[str, str | None]]:
    """Every `_target_` in a configuration, with the kind of its place."""
    if isinstance(config, Mapping):
        for group, node in config.items():
            several = group in ("callbacks", "logger") and not is_node(node)
            nodes = node.values() if several and isinstance(node, Mapping) else [node]
            for one in nodes:
                yield from _targets(one, group if group in KINDS else None)


def _targets(node: Any, kind: str | None) -> Iterator[tuple[str, str | None]]:
    if isinstance(node, Mapping):
        target = None
        if "_target_" in node:
            yield str(node["_target_"]), kind
            with suppress(SettingError):  # who asks says why
                target = resolve(str(node["_target_"]), kind) if kind == "task" else None
        for key, value in node.items():
            # A mapping without a target of its own, as of metrics by name, passes its place on.
            inner = within(kind, str(key), target) if "_target_" in node else kind
            yield from _targets(value, inner)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _targets(value, kind)


def within(kind: str | None, key: str, target: Any) -> str | None:
    """The kind of a node that is an argument of a node; None where nothing may be constructed.

    Args:
        kind: The kind of the outer node.
        key: The argument's name.
        target: What the outer node calls.
    """
    if kind == "task" and target:
        from seedbed.tasks.base import Task

        kind = "task" if issubclass(target, Task) else "module"
    return WITHIN.get((kind or "", key)) or WITHIN.get((kind or "", None))


def is_node(value: Any) -> bool:
    """Whether a value calls a constructor."""
    return isinstance(value, Mapping) and "_target_" in value


def is_called_later(target: Any, kind: str) -> bool:
    """Whether what stands in a place of this kind is called by who uses it: metrics, functions."""
    return kind == "metric" or (kind == "loss" and inspect.isfunction(target))


def called_with(target: Any, kind: str | None) -> list[str]:
    """The arguments that a loss or a metric, where it is a function, is called with."""
    if kind not in ("loss", "metric") or not inspect.isfunction(target):
        return []
    return [*inspect.signature(target).parameters][:2]


def required(target: Any) -> tuple[str, ...]:
    """The arguments that a target cannot do without."""
    return tuple(
        name
        for name, parameter in inspect.signature(target).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    )


def foreign_arguments(target: Any) -> list[str]:
    """The arguments of another package's class by which a value could reach files or code.

    A layer has no device of its own: on `meta` it is looked at before it may take memory.
    """
    if _is_own(target.__module__):
        return []
    places = ["device"] if target.__module__.startswith("torch.nn.") else []
    return places + [
        name
        for name, parameter in inspect.signature(target).parameters.items()
        if name not in (*GIVEN_PLACES, *LISTED)
        and (
            {*name.lower().split("_")} & {*PLACES, *CALLS}
            or FILES_OR_CODE.search(str(parameter.annotation))
        )
    ]


def _torchmetrics(name: str) -> str:
    """The full name of one of torchmetrics' metrics.

    Raises:
        SettingError: If there is none of this name, with the nearest ones.
    """
    places = [place.removesuffix(".*") for place in KINDS["metric"].foreign[1:]]
    known = {
        metric: f"{place}.{metric}"
        for place in places
        for metric, found in vars(import_module(place)).items()
        if inspect.isclass(found)
    }
    if name not in known:
        raise SettingError(f"_target_: {name}: no such metric; {nearest(name, known)}")
    return known[name]


def _is_own(module: str) -> bool:
    parts = module.split(".")
    return (
        parts[0] in own_packages() and "__main__" not in parts and all(map(str.isidentifier, parts))
    )


def _is_listed(name: str, kind: str) -> bool:
    listed = KINDS[kind].foreign
    return name in listed or f"{name.rpartition('.')[0]}.*" in listed


def _own_problem(found: Any, module: str, kind: str) -> str | None:
    if not _is_own(getattr(found, "__module__", None) or ""):
        return (
            "is not of the project's own packages; name it by where it is defined, or name a class "
            "of your own that extends it."
        )
    if inspect.isclass(found):
        return _class_problem(found, kind)
    function = KINDS[kind].function
    if not (function and inspect.isfunction(found) and found.__module__ == module):
        return _expected(kind)
    # The frame's own functions were not written to be called with anybody's arguments.
    if found.__module__.startswith(f"{FRAME}.") and found.__module__ != INITIALISERS:
        return _expected(kind)
    returned = hints_of(found).get("return", Any)
    if function == "builtins.None":  # an initialiser
        first = next(iter(inspect.signature(found).parameters), None)
        return None if first == "net" and returned is type(None) else _expected(kind)
    fits = inspect.isclass(returned) and issubclass(returned, _named(function))
    if kind in ("loss", "metric"):  # and no other function of tensors, as one that reads a file
        hints = hints_of(found)
        fits = fits and [hints.get(name) for name in called_with(found, kind)] == [returned] * 2
    return None if fits else _expected(kind)


def _foreign_problem(found: Any, kind: str) -> str | None:
    if kind == "net":  # torchvision's builders
        fits = inspect.isfunction(found) and "weights" in inspect.signature(found).parameters
        return None if fits else "expected the builder of a net, as torchvision.models.resnet18."
    if problem := _class_problem(found, kind):
        return problem
    if kind in ("optimizer", "scheduler"):
        return _wrapper_problem(found, kind)
    if kind == "layer":
        return "torch has deprecated it." if hasattr(found, "__deprecated__") else None
    if kind == "loss" and not found.__name__.endswith("Loss"):
        return "expected a loss, as torch.nn.L1Loss."
    measured = ("torchmetrics.classification", "torchmetrics.regression")
    other = kind == "metric" and not found.__module__.startswith(measured)
    return "expected a metric of predictions and targets." if other else None


def _wrapper_problem(found: Any, kind: str) -> str | None:
    """Refuse what wraps a model or another of its kind, and what needs calls that no fit makes."""
    around = {"optimizer": {"model", "optimizer", "base_optimizer"}, "scheduler": {"schedulers"}}
    if ungiven := {*required(found)} & {*foreign_arguments(found), *around[kind]}:
        return f"it needs {', '.join(sorted(ungiven))}, which no setting can give."
    if kind == "optimizer" and hasattr(found, "eval"):
        return "its weights differ in evaluation, and a fit does not call its eval()."
    return None


def _class_problem(found: Any, kind: str) -> str | None:
    if not (inspect.isclass(found) and issubclass(found, _named(KINDS[kind].base))):
        bases = (base.__module__ for base in getattr(found, "__mro__", ()))
        if any(module.startswith("pytorch_lightning.") for module in bases):
            return "extends a class of pytorch_lightning; import lightning.pytorch in its place."
        return _expected(kind)
    if inspect.isabstract(found):
        return "is abstract; name a class that extends it."
    return None


def _expected(kind: str) -> str:
    rule = KINDS[kind]
    if kind == "init":
        return "expected a function of `net` that returns None."
    of = " of two (predictions and targets)" if kind in ("loss", "metric") else ""
    function = f", or a function{of} that returns {rule.function}" if rule.function else ""
    return f"expected a class of {rule.base}{function}."


def _named(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def _refusal(name: str, kind: str) -> str:
    packages = ", ".join(own_packages())
    return (
        f"_target_: {name} may not be constructed here: as {kind}, it is neither of this project's "
        f"packages ({packages}) nor among the classes of others that are allowed. Packages of "
        "your own are listed in pyproject.toml, [tool.seedbed] packages."
    )
