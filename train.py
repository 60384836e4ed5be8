"""Train one study: `python train.py experiment=poem_gpt`.

Hydra composes the configuration from `conf/`; from there on a run needs only its directory.
"""

import os
import sys
from pathlib import Path

# Before the frame is imported: it may be installed elsewhere, and this is the project.
os.environ["SEEDBED_PROJECT"] = str(Path(__file__).resolve().parent)

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from seedbed.cli.shell import explained, run_on_rank_zero
from seedbed.config.compose import plain, register_resolvers, use_paths
from seedbed.config.overrides import check_hydras, is_multirun, readable
from seedbed.processes.distributed import leave
from seedbed.speed import quick_imports, switched

register_resolvers()


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> None:
    """Check the composed settings, record them in a new run directory, and execute it."""
    # Imported here, so that --help and --cfg do not wait for torch.
    with quick_imports():
        from seedbed.config.checks import check
        from seedbed.record.directory import RunDirectory
        from seedbed.runs.execute import execute

    folder = Path(HydraConfig.get().runtime.output_dir)
    with explained(folder):
        check_hydras(HydraConfig.get(), multirun=False)
        use_paths(config)
        settings = plain(config)
        check(settings)
        execute(RunDirectory.create(folder, settings).path, checked=settings)


if __name__ == "__main__":
    with explained():
        sys.argv[1:] = readable(switched(sys.argv[1:]))
        if is_multirun(sys.argv[1:]):
            leave()  # each job of a sweep has processes of its own
        run_on_rank_zero(main)
