"""What is left of a classifier's accuracy once its test inputs are disturbed.

Three ways, each at several strengths: normal noise, images moved aside, and one step along the sign
of the loss's gradient (FGSM, Goodfellow et al. 2015, arXiv:1412.6572), which is the worst that a
change of that size can do to a linear net of two classes. Images keep their pixels from 0 to 1.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MeanMetric

from seedbed.files import place_csv
from seedbed.tasks.base import Task
from seedbed.tasks.binary import BinaryTask
from seedbed.tasks.multiclass import MulticlassTask
from seedbed.terminal import log

KINDS = ("noise", "shift", "fgsm")


class Robustness(Callback):
    """Writes `robustness.csv`: the test's accuracy, and that under each disturbance.

    Args:
        directory: The folder of the file.
        noise: Deviations of the noise, in the inputs' units.
        shift: Pixels by which images are moved to each of the four sides, zeros coming in.
        fgsm: Sizes of the step, in the inputs' units.

    Raises:
        ValueError: If a strength is not above 0.
    """

    def __init__(
        self,
        *,
        directory: str,
        noise: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5),
        shift: Sequence[int] = (1, 2, 3),
        fgsm: Sequence[float] = (0.02, 0.05, 0.1, 0.2),
    ) -> None:
        self.file = Path(directory) / "robustness.csv"
        self.strengths = dict(zip(KINDS, (noise, shift, fgsm), strict=True))
        for kind, values in self.strengths.items():
            if any(value <= 0 for value in values):
                raise ValueError(f"{kind}={list(values)}: expected numbers above 0")
        self._right: dict[tuple[str, float], MeanMetric] = {}

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin anew, with noise that is the same for every run."""
        self._right = {}
        self._generator = torch.Generator().manual_seed(0)
        data = getattr(trainer, "datamodule", None)
        self._kept = len(getattr(data, "embedded", ()))  # numbers of levels
        if not isinstance(pl_module, BinaryTask | MulticlassTask):
            log.info("callbacks.robustness measures nothing here: it is for classifiers")

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Measure a batch, as it is and disturbed."""
        if not isinstance(pl_module, BinaryTask | MulticlassTask):
            return
        inputs, targets = batch
        with trainer.precision_plugin.forward_context():
            for key, disturbed in self._disturbed(pl_module, inputs, targets):
                right = classes(pl_module.net(disturbed)) == targets  # (B,) or (B, 1)
                mean = self._right.setdefault(key, MeanMetric().to(pl_module.device))
                mean.update(right.float())

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write a row for each strength of each kind; the first is of the inputs as they are."""
        if not isinstance(pl_module, BinaryTask | MulticlassTask):
            return
        found = {  # computing gathers from all processes
            key: float(mean.compute()) for key, mean in self._right.items()
        }
        if not trainer.is_global_zero:
            return
        rows = (
            [*(strength if strength and name == kind else None for name in KINDS), accuracy]
            for (kind, strength), accuracy in found.items()
        )
        place_csv(self.file, [[*KINDS, "accuracy"], *rows])
        log.info("\naccuracy under disturbed inputs, test part")
        for kind in KINDS:
            cells = [f"{s:g}: {a:.3f}" for (name, s), a in found.items() if name == kind]
            if cells:
                log.info(f"    {kind:<8}" + "   ".join(cells))

    def _disturbed(
        self, task: Task, inputs: Tensor, targets: Tensor
    ) -> Iterator[tuple[tuple[str, float], Tensor]]:
        """Yield the inputs (B, …) as they are, then under each kind and strength."""
        is_image = inputs.ndim == 4

        def kept(changed: Tensor) -> Tensor:
            return changed.clamp(0, 1) if is_image else changed

        yield ("", 0.0), inputs
        drawn = torch.randn(inputs.shape, generator=self._generator).to(inputs)
        if self._kept:
            drawn[:, -self._kept :] = 0
        for deviation in self.strengths["noise"]:
            yield ("noise", deviation), kept(inputs + deviation * drawn)
        for pixels in self.strengths["shift"] if is_image else ():
            for moved in shifted(inputs, int(pixels)):
                yield ("shift", pixels), moved
        direction = gradient_sign(task, inputs, targets)
        for size in self.strengths["fgsm"]:
            yield ("fgsm", size), kept(inputs + size * direction)


def classes(logits: Tensor) -> Tensor:
    """The classes (B,) that logits (B, K) are highest for; of one logit (B, 1), whether above 0."""
    return logits.argmax(dim=1) if logits.shape[1] > 1 else (logits > 0).to(logits)


def shifted(images: Tensor, pixels: int) -> Iterator[Tensor]:
    """Images (B, C, H, W) moved to each of the four sides, with zeros where they were."""
    for axis in (-1, -2):
        for away in (pixels, -pixels):
            across, down = (away, 0) if axis == -1 else (0, away)
            yield F.pad(images, (across, -across, down, -down))


def gradient_sign(task: Task, inputs: Tensor, targets: Tensor) -> Tensor:
    """Whether each input should grow (1) or shrink (-1) for the loss to rise the fastest."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        variable = inputs.clone().requires_grad_()  # none made in inference mode has gradients
        loss = task.step((variable, targets.clone())).loss
        [gradient] = torch.autograd.grad(loss, [variable], materialize_grads=True)
    return gradient.sign()
