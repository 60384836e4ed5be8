"""A look at the weights before and after a fit, as tables, on request.

The first look is taken when the first validation begins, which is before the first step and before
any figure is shown; a resumed fit has no such validation, and takes the last look only.
"""

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn

from seedbed.tasks.base import net_of
from seedbed.terminal import log

BARS = " ▁▂▃▄▅▆▇█"
BINS = 16

NEAR_ZERO = 1e-3
"""Weights smaller than this count as zero, as an L1 penalty leaves them: its steps overshoot 0."""


class WeightTable(Callback):
    """Logs each parameter's mean, deviation, share of zeros and histogram.

    Args:
        printed: Whether the table is logged to the terminal and `train.log`.
    """

    def __init__(self, *, printed: bool = False) -> None:
        self.printed = printed

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at them before the fit."""
        if trainer.state.fn != "fit":
            self._look("initial", trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at them after the fit; those of its best checkpoint may be others."""
        self._look("final", trainer, pl_module)

    def _look(self, when: str, trainer: Trainer, task: LightningModule) -> None:
        if self.printed and trainer.is_global_zero:
            text = table(net_of(task), f"{when} weights")
            log.info(f"{text}\n" if when == "initial" else f"\n{text}")


def table(net: nn.Module, title: str = "weights") -> str:
    """A line for each parameter; its histogram spans the least to the greatest value."""
    names = [name for name, _ in net.named_parameters()]
    width = max(map(len, [title, *names]))
    lines = [
        f"{title:<{width}}{'shape':>15}{'mean':>10}{'deviation':>11}{'near 0':>9}"
        f"{'least':>10}  {'histogram':<{BINS}}  greatest"
    ]
    for name, parameter in net.named_parameters():
        values = parameter.detach().float().cpu()
        shape = " × ".join(f"{size:,}" for size in values.shape) or "scalar"
        lines.append(
            f"{name:<{width}}{shape:>15}{values.mean():>10.4f}{values.std(correction=0):>11.4f}"
            f"{(values.abs() < NEAR_ZERO).float().mean():>9.1%}"
            f"{values.min():>10.4f}  {histogram(values)}  {values.max():.4f}"
        )
    return "\n".join(lines)


def histogram(values: Tensor) -> str:
    """Counts as bars, the highest count a full one; a value that is there is never left blank."""
    counts = torch.histc(values, BINS)
    heights = (counts / counts.max() * (len(BARS) - 1)).ceil().int()
    return "".join(BARS[height] for height in heights.tolist())
