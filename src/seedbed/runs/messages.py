"""What a run says in its log as it begins and ends."""

from collections.abc import Iterator
from textwrap import indent
from typing import Any

import torch
import yaml

from seedbed.config.build import Study
from seedbed.config.type_checks import shown
from seedbed.metric_directions import INTERVALS, forks, interval
from seedbed.record.run import limits_of
from seedbed.runs import provenance
from seedbed.tasks.base import net_of
from seedbed.tensorboard import boards
from seedbed.terminal import log


def introduce(config: dict[str, Any], study: Study, *, begun: bool) -> None:
    """Log what is run, on what, and where; TensorBoard gets the settings of a new run."""
    trainer, net = study.trainer, net_of(study.task)
    parameters = sum(p.numel() for p in net.parameters())
    facts = ", ".join(
        f"{name.replace('_', ' ')} {value:,}" if isinstance(value, int | float) else str(value)
        for name, value in getattr(study.datamodule, "facts", {}).items()
        if name != "sha256"
    )
    device = str(trainer.strategy.root_device)
    threads = f", {torch.get_num_threads()} threads" if device == "cpu" else ""
    if trainer.world_size > 1:
        kind = trainer.strategy.root_device.type
        device, threads = f"{trainer.world_size} × {kind}", f"{threads} each"
    for board in boards(trainer) if not begun else ():
        text = yaml.safe_dump(config, allow_unicode=True, sort_keys=False)
        board.add_text("config", f"```yaml\n{text}```")
    log.info(f"experiment  {config.get('experiment_name')}, seed {config['seed']}")
    log.info(f"data        {facts or type(study.datamodule).__name__}")
    for remark in getattr(study.datamodule, "remarks", ()):
        log.info(f"            {remark}")
    log.info(f"net         {type(net).__name__}, {parameters:,} parameters")
    for remark in getattr(net, "remarks", ()):
        log.info(f"            {remark}")
    if config.get("weights"):
        log.info(f"weights     from {config['weights']}")
    if own := ", ".join(_own_lengths(config)):
        log.info(f"lengths     the trainer's own: {own}; to set one, trainer.NAME=VALUE")
    if refusal := provenance.code().get("refusal"):
        log.info(f"code        its state is not recorded: {refusal}")
    log.info(f"device      {device}{threads}, precision {trainer.precision}\n")


def _own_lengths(config: dict[str, Any]) -> Iterator[str]:
    """How long a Trainer that was chosen for it fits, in place of the experiment's lengths."""
    for name in ("max_epochs", "max_steps", "check_val_every_n_epoch", "val_check_interval"):
        if (own := config["trainer"].get(name)) != config.get(name):
            yield f"{name}={shown(own)}"


def conclude(config: dict[str, Any], study: Study, metrics: dict[str, float]) -> None:
    """Log what came of a run: the best checkpoint's metrics, what callbacks and net conclude."""
    parts = ("test", "val", "")
    part = next(part for part in parts if any(name.startswith(part) for name in metrics))
    lowest = "lowest" if config["mode"] == "min" else "highest"
    which = f"the {lowest} {config['monitor']}" if config["monitor"] in metrics else "the last"
    where = f", {part} part" if part else ""
    again = forks(metrics, config["monitor"])
    log.info(f"\nbest checkpoint ({which}, step {metrics['step']:,.0f}){where}")
    for name, value in metrics.items():
        if name not in ("step", *again) and name.startswith(part):
            log.info(f"    {name:<28}{value:>10.4f}{interval(metrics, name)}")
    if getattr(study.task, "test_intervals", None):
        log.info(INTERVALS)
    if limits := limits_of(config["trainer"]):
        log.info(f"partial: on a part of the data alone, by {', '.join(limits)}")
    for speaker in (*study.callbacks, net_of(study.task)):
        conclusion = getattr(speaker, "conclusion", None)
        if conclusion and (text := conclusion(study.trainer)) is not None:
            log.info("\n" + indent(text, "    "))
            for board in boards(study.trainer):
                board.add_text(type(speaker).__name__, text.replace("\n", "  \n"))
                board.flush()  # a process that ends loses what waits to be written
