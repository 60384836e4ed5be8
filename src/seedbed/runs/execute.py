"""The one primitive: execute what a run's directory says, from its start or from where it stopped.

Starting, resuming and reproducing are the same call. It needs neither Hydra nor a command line.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer

from seedbed.build import Study, build, check_targets
from seedbed.callbacks.samples import TextSamples
from seedbed.errors import SeedbedError
from seedbed.runs import provenance
from seedbed.runs.directory import RunDirectory, now, write_json
from seedbed.terminal import log, logged_to

# Lightning tells at this level what it was told to do: devices found, checkpoints restored.
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.WARNING)
# Lightning 2.6 asks torch 2.14 in a way it has deprecated; nobody here can act on it.
warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)`")

INTERRUPTED = 130
"""The exit status after Ctrl-C, by the shell's convention; Lightning's own is 1."""


def execute(path: Path) -> dict[str, float]:
    """Fit, test, and record a run.

    Args:
        path: The run's directory; a checkpoint in it is where the fit goes on.

    Returns:
        The best checkpoint's metrics, as `metrics.json` has them.

    Raises:
        RunError: If the directory is no run, or in use.
        SeedbedError: If the run failed in a way that can be explained.
    """
    run = RunDirectory(path)
    config = run.config()
    check_targets(config)
    if run.status().get("state") == "finished":
        log.info(f"{run.path} has finished; {run.metrics_file.name} has its metrics.")
        return run.metrics()
    with run.claimed(), logged_to(run.log_file), _recorded(run):
        study = build(config, run.path)
        write_json(
            run.provenance_file,
            provenance.collect(
                seed=config["seed"],
                precision=str(study.trainer.precision),
                data=study.datamodule.facts,
            ),
        )
        _introduce(config, study)
        metrics = _fit_and_test(run, study)
        write_json(run.metrics_file, metrics)
        _conclude(run, study, metrics)
    return metrics


@contextmanager
def _recorded(run: RunDirectory) -> Iterator[None]:
    """Keep `status.json` true, however the run ends."""
    run.start()
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        # Lightning turns an interrupt into an exit, after its callbacks have saved.
        run.set_status("interrupted", ended=now())
        log.info(f"\nInterrupted. To go on: python -m seedbed execute {run.path}")
        raise SystemExit(INTERRUPTED) from None
    except SeedbedError as error:
        run.set_status("failed", ended=now(), error=str(error))
        raise
    except BaseException as error:
        run.set_status("failed", ended=now(), error=f"{type(error).__name__}: {error}")
        raise
    run.set_status("finished", ended=now())


def _fit_and_test(run: RunDirectory, study: Study) -> dict[str, float]:
    trainer, task, datamodule = study.trainer, study.task, study.datamodule
    checkpoint = run.last if run.last.exists() else None
    done = 0
    if checkpoint:
        done = torch.load(checkpoint, map_location="cpu", weights_only=True)["global_step"]
    # Also without a checkpoint: a run killed before its first one begins its log anew.
    for logger in trainer.loggers:
        if hasattr(logger, "rewind"):
            logger.rewind(done)
    if done:
        log.info(f"resuming at step {done:,}")
    else:
        # What the initial weights are worth: the first row of every log.
        trainer.validate(task, datamodule=datamodule, verbose=False)
    trainer.fit(task, datamodule=datamodule, ckpt_path=checkpoint, weights_only=True)
    best = torch.load(run.best, map_location="cpu", weights_only=True)
    metrics = {
        name: value
        for name, value in sorted(best["metrics"].items())
        if name.startswith(("train/", "val/"))
    }
    if datamodule.test_dataloader():
        trainer.test(
            task, datamodule=datamodule, ckpt_path=run.best, weights_only=True, verbose=False
        )
        return metrics | _figures(trainer, "test")
    task.load_state_dict(best["state_dict"])
    return metrics


def _figures(trainer: Trainer, part: str) -> dict[str, float]:
    figures = trainer.callback_metrics
    return {name: float(figures[name]) for name in sorted(figures) if name.startswith(f"{part}/")}


def _introduce(config: dict[str, Any], study: Study) -> None:
    trainer, net = study.trainer, study.task.net
    parameters = sum(p.numel() for p in net.parameters())
    facts = ", ".join(
        f"{name.replace('_', ' ')} {value:,}" if isinstance(value, int | float) else str(value)
        for name, value in study.datamodule.facts.items()
        if name != "sha256"
    )
    device = str(trainer.strategy.root_device)
    threads = f", {torch.get_num_threads()} threads" if device == "cpu" else ""
    log.info(f"experiment  {config['experiment_name']}, seed {config['seed']}")
    log.info(f"data        {facts}")
    log.info(f"net         {type(net).__name__}, {parameters:,} parameters")
    log.info(f"device      {device}{threads}, precision {trainer.precision}\n")


def _conclude(run: RunDirectory, study: Study, metrics: dict[str, float]) -> None:
    part = "test" if any(name.startswith("test/") for name in metrics) else "val"
    log.info(f"\nbest checkpoint, {part} part")
    for name, value in metrics.items():
        if name.startswith(f"{part}/"):
            log.info(f"    {name:<28}{value:>10.4f}")
    for callback in study.callbacks:
        if isinstance(callback, TextSamples):
            text = callback.write(study.trainer, study.task)
            if text is not None:
                log.info("\n" + "\n".join("    " + line for line in text.splitlines()))
    log.info(f"\nrun: {run.path}")
