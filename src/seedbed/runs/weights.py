"""Another run's weights as the start of a new fit: fine-tuning.

The net's weights are all that is taken over; optimizer, schedule and data are the new run's own.
They must fit by name and shape, all of them but those that begin anew. A language model's
vocabulary must be the same too, or go on from it, because a token's number means nothing without
it; characters that came after have the new net's initial weights. So must the levels of a table's
embedded columns be. Its inputs may have another scale, that of the new training part, because a net
knows them by their deviation from the mean.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seedbed.config.build import Study
from seedbed.data.tokens import TokensDataModule
from seedbed.data.vocabulary import vocabulary_in
from seedbed.errors import RunError, listed
from seedbed.nets.column_embeddings import NAME as EMBEDDED
from seedbed.optim.groups import check_patterns, matches
from seedbed.record.checkpoint import checkpoint_at, load
from seedbed.runs.validate import weights_differ
from seedbed.tasks.base import Task, net_of


def load_pretrained(source: Path, study: Study, *, skip: Sequence[str] = ()) -> dict[str, str]:
    """Give the study's net the weights of a run's best checkpoint, or of a checkpoint file.

    Args:
        source: The directory or the file.
        study: Whose net is given them.
        skip: Patterns of the parameters that keep their initial values.

    Returns:
        The file's path and SHA-256, for the record.

    Raises:
        RunError: If there is no such file, it is damaged, or does not fit.
        SettingError: If a pattern is of no parameter.
    """
    path = checkpoint_at(source)
    checkpoint = load(path)
    net = net_of(study.task)
    weights = _weights_for(study, checkpoint, path, skip)
    wanted = net.state_dict(keep_vars=True)
    check_patterns("weights_skip", skip, {**weights, **wanted})
    for state in (weights, wanted):
        for name in [name for name in state if any(matches(name, one) for one in skip)]:
            del state[name]
    if problems := listed(weights_differ(weights, wanted, "")):
        raise RunError(
            f"weights={path} are not of this net, {type(net).__name__}:\n    {problems}"
            "\nChoose the net, and the data that gives its sizes, as in that run's config.yaml;"
            " or leave out what differs, with weights_skip=[NAME,…]."
        )
    net.load_state_dict(weights, strict=False)
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _weights_for(
    study: Study, checkpoint: Mapping[str, Any], path: Path, skip: Sequence[str]
) -> dict[Any, Any]:
    """The weights of the study's net in a checkpoint, whose levels and characters it must know."""
    data = study.datamodule
    embedded = getattr(data, "embedded", ())
    if embedded and not any(matches(f"{EMBEDDED}.0", pattern) for pattern in skip):
        _check_levels(checkpoint, data, path)
    prefix = "net." if isinstance(study.task, Task) else ""
    weights = {
        name.removeprefix(prefix): weight
        for name, weight in checkpoint["state_dict"].items()
        if isinstance(name, str) and name.startswith(prefix)
    }
    added = _added_characters(checkpoint, data, path) if isinstance(data, TokensDataModule) else 0
    return _with_new_rows(weights, net_of(study.task).state_dict(), added) if added else weights


def begin_with_own(net: nn.Module, *, resumes: bool) -> dict[str, str] | None:
    """Have a net whose class has a `load_pretrained` begin a new fit with the weights it names.

    Returns:
        What that returns for the record, as where they are from; None if there are none.
    """
    load_own = getattr(net, "load_pretrained", None)
    return None if resumes or load_own is None else load_own()


def _check_levels(checkpoint: Mapping[str, Any], data: Any, path: Path) -> None:
    """Have the embedded columns' levels be those whose vectors the weights have."""
    theirs = _levels(checkpoint.get(type(data).__qualname__))
    if theirs and theirs != _levels(data.state_dict()):
        raise RunError(
            f"weights={path} know other levels of the embedded columns; a number would mean "
            f"another level. Begin with new vectors, weights_skip=[{EMBEDDED}], or have none, "
            "data.embed=false."
        )


def _levels(state: Any) -> list[Any]:
    columns = state.get("columns") if isinstance(state, dict) else ()
    return [c["levels"] for c in columns or () if c.get("kind") == "embedded"]


def _added_characters(checkpoint: Mapping[str, Any], data: TokensDataModule, path: Path) -> int:
    """How many characters the data has after those that the weights know."""
    theirs, ours = vocabulary_in(checkpoint), data.vocabulary.characters
    if theirs is None:
        raise RunError(f"weights={path} are not a language model's: it has no vocabulary.")
    if not ours.startswith(theirs):
        raise RunError(
            f"weights={path} know {len(theirs):,} characters, this corpus has {len(ours):,}, of "
            f"which {len(set(theirs) & set(ours)):,} are the same; a token's number would mean "
            f"another character. Have the corpus go on from that run's, data.vocabulary={path}."
        )
    return len(ours) - len(theirs)


def _with_new_rows(
    weights: Mapping[Any, Any], fresh: Mapping[str, Tensor], added: int
) -> dict[Any, Any]:
    """Weights with the fresh net's rows for so many more characters; in any order they are last."""
    longer = dict(weights)
    for name, new in fresh.items():
        old = weights.get(name)
        if not (isinstance(old, Tensor) and old.ndim and new.ndim):
            continue
        if len(new) - len(old) == added and old.shape[1:] == new.shape[1:]:
            ranks = torch.arange(len(old), len(new))
            rows = new[len(old) :] if new.is_floating_point() else ranks
            longer[name] = torch.cat([old, rows.to(old)])
    return longer
