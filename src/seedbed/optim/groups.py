"""Sort a net's parameters into groups that an optimizer may treat differently.

Every torch optimizer takes such groups; the extra key `kind` is for those that treat the
kinds differently, as Muon does.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

from torch import nn

from seedbed.errors import SettingError, nearest

Decay = Literal["matrices", "all"]
"""What weight decay reaches: weight matrices only, or every parameter, as torch does it."""

KINDS = ("matrix", "head", "embedding", "filter", "vector")
"""Weights of layers, of the last one, of embeddings and convolutions; biases and norms."""


def matches(name: str, pattern: str) -> bool:
    """Whether a glob pattern matches a parameter: its name, or a module that it is in."""
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def check_patterns(setting: str, patterns: Iterable[str], names: Iterable[str]) -> None:
    """Check that each pattern matches some parameter.

    Raises:
        SettingError: Naming those that match none.
    """
    names = [*names]
    unmatched = [
        f"{setting}: {pattern} is the name of no parameter; {nearest(pattern, names)}"
        for pattern in patterns
        if not any(matches(name, pattern) for name in names)
    ]
    if unmatched:
        raise SettingError("\n".join(unmatched))


def freeze(net: nn.Module, patterns: Iterable[str]) -> None:
    """Keep parameters as they are; batch norm among them keeps its means and deviations too.

    Raises:
        SettingError: If none are left to train.
    """
    for name, parameter in net.named_parameters():
        if any(matches(name, pattern) for pattern in patterns):
            parameter.requires_grad = False
    for module in net.modules():
        own = [*module.parameters(recurse=False)]
        if own and hasattr(module, "running_mean") and not any(p.requires_grad for p in own):
            module.eval()  # a fit leaves a module in the mode that it finds it in
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise SettingError("freeze: no parameter is left to train.")


def parameter_groups(
    net: nn.Module, *, decay: Decay = "matrices", lr_scale: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """Group parameters by their kinds, in the order of `KINDS`.

    Args:
        net: Any net; its last layer is a head where it goes by that name.
        decay: With `matrices`, embeddings and vectors get a weight decay of zero.
        lr_scale: Factors of the learning rate by patterns of names, of which the last that matches
            counts; these parameters have groups of their own, named `KIND_xFACTOR`.

    Returns:
        Groups for an optimizer, empty kinds left out.
    """
    scales = lr_scale or {}
    kinds: dict[tuple[float, str], list[nn.Parameter]] = {
        (scale, kind): [] for scale in dict.fromkeys([1.0, *scales.values()]) for kind in KINDS
    }
    embeddings = [module for module in net.modules() if isinstance(module, nn.Embedding)]
    embedded = {*map(id, nn.ModuleList(embeddings).parameters())}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            scale = [1.0, *(scales[pattern] for pattern in scales if matches(name, pattern))][-1]
            kind = "embedding" if id(parameter) in embedded else _kind(name, parameter)
            kinds[scale, kind].append(parameter)
    groups: list[dict[str, Any]] = []
    for (scale, kind), parameters in kinds.items():
        spared = decay == "matrices" and kind in ("embedding", "vector")
        if parameters:
            groups.append(
                {"params": parameters, "kind": kind}
                | ({"weight_decay": 0.0} if spared else {})
                | ({"lr_scale": scale, "name": f"{kind}_x{scale:g}"} if scale != 1 else {})
            )
    return groups


def _kind(name: str, parameter: nn.Parameter) -> str:
    if parameter.ndim != 2:
        return "vector" if parameter.ndim < 2 else "filter"
    return "head" if name.startswith("head.") else "matrix"
