"""Another run's weights as the start of a new fit: fine-tuning.

The net's weights are all that is taken over; optimizer, schedule and data are the new run's own.
They must fit by name and shape, all of them. A language model's vocabulary must be the same too,
because a token's number means nothing without it; a table's inputs may have another scale, that of
the new training part, because a net knows them by their deviation from the mean.
"""

import hashlib
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from seedbed.config.build import Study
from seedbed.data.tokens import TokensDataModule
from seedbed.errors import LISTED, RunError
from seedbed.record.checkpoint import checkpoint_at, load
from seedbed.runs.validate import weights_differ
from seedbed.tasks.base import net_of


def load_pretrained(source: Path, study: Study) -> dict[str, str]:
    """Give the study's net the weights of a run's best checkpoint, or of a checkpoint file.

    Returns:
        The file's path and SHA-256, for the record.

    Raises:
        RunError: If there is no such file, it is damaged, or does not fit.
    """
    path = checkpoint_at(source)
    checkpoint = load(path)
    if isinstance(study.datamodule, TokensDataModule):
        _check_vocabulary(checkpoint, study.datamodule, path)
    net = net_of(study.task)
    weights = {
        name.removeprefix("net."): weight
        for name, weight in checkpoint["state_dict"].items()
        if isinstance(name, str) and name.startswith("net.")
    }
    if problems := [*islice(weights_differ(weights, net.state_dict(keep_vars=True), ""), LISTED)]:
        raise RunError(
            f"weights={path} are not of this net, {type(net).__name__}:\n"
            + "\n".join(f"    {problem}" for problem in problems)
            + "\nChoose the net, and the data that gives its sizes, as in that run's config.yaml."
        )
    net.load_state_dict(weights)
    return {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _check_vocabulary(checkpoint: Mapping[str, Any], data: TokensDataModule, path: Path) -> None:
    states = [state for state in checkpoint.values() if isinstance(state, Mapping)]
    theirs = next((state["vocabulary"] for state in states if "vocabulary" in state), None)
    ours = data.vocabulary.characters
    if not isinstance(theirs, str):
        raise RunError(f"weights={path} are not a language model's: it has no vocabulary.")
    if theirs != ours:
        raise RunError(
            f"weights={path} know {len(theirs):,} characters, this corpus has {len(ours):,}, of "
            f"which {len(set(theirs) & set(ours)):,} are the same; a token's number would mean "
            "another character. Choose data with that run's vocabulary."
        )
