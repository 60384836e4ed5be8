"""Train one study: `python train.py experiment=poem_gpt`.

Hydra composes the configuration from `conf/`; the run itself needs only its directory.
"""

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from seedbed.compose import register_resolvers

register_resolvers()


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> None:
    """Record the composed configuration in a new run directory, and execute that."""
    # Imported here, so that --help and --cfg do not wait for torch.
    from pathlib import Path

    from seedbed.runs.directory import RunDirectory
    from seedbed.runs.execute import execute

    run = RunDirectory.create(
        Path(HydraConfig.get().runtime.output_dir), OmegaConf.to_yaml(config, resolve=True)
    )
    execute(run.path)


if __name__ == "__main__":
    main()
