"""Sort a net's parameters into groups that an optimizer may treat differently.

Every torch optimizer takes such groups; the extra key `kind` is for those that tell the kinds
apart, as Muon does.
"""

from typing import Any, Literal

from torch import nn

Decay = Literal["matrices", "all"]
"""What weight decay reaches: weight matrices only, or every parameter, as the lessons have it."""


def parameter_groups(net: nn.Module, *, decay: Decay = "matrices") -> list[dict[str, Any]]:
    """Group parameters by kind.

    These are `matrix`, `head`, `embedding`, `filter` (of a convolution) and `vector` (biases and
    norms).

    Args:
        net: Any net; its last layer is a head where it goes by that name.
        decay: With `matrices`, embeddings and vectors get a weight decay of zero.

    Returns:
        Groups for an optimizer, empty kinds left out.
    """
    embeddings = {
        id(parameter)
        for module in net.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters()
    }
    kinds: dict[str, list[nn.Parameter]] = {
        "matrix": [],
        "head": [],
        "embedding": [],
        "filter": [],
        "vector": [],
    }
    for name, parameter in net.named_parameters():
        if not parameter.requires_grad:
            continue
        if id(parameter) in embeddings:
            kind = "embedding"
        elif parameter.ndim < 2:
            kind = "vector"
        elif parameter.ndim > 2:
            kind = "filter"
        else:
            kind = "head" if name.startswith("head.") else "matrix"
        kinds[kind].append(parameter)
    groups: list[dict[str, Any]] = []
    for kind, parameters in kinds.items():
        spared = decay == "matrices" and kind in ("embedding", "vector")
        if parameters:
            groups.append(
                {"params": parameters, "kind": kind} | ({"weight_decay": 0.0} if spared else {})
            )
    return groups
