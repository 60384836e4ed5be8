"""A task with its initial weights, made again: they follow from the seed.

Imports torch late, for reports of runs that need none.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any


def initial_task(config: Mapping[str, Any], sizes: Mapping[str, Any]) -> Callable[[], Any] | None:
    """What makes the task that a fit began with; None where its weights were another run's."""
    if config.get("weights"):
        return None

    def build() -> Any:
        from lightning import seed_everything
        from lightning.pytorch.utilities.seed import isolate_rng

        from seedbed.config.build import build_task

        with isolate_rng():
            seed_everything(config["seed"], verbose=False)
            os.environ.pop("PL_GLOBAL_SEED")  # which later fits of this process would heed
            return build_task({**config, "compile": False}, sizes).eval()

    return build
