"""What a run's pictures are drawn from: its files, its net, and the validation part.

Only validation is looked at: what is seen in a picture may decide what is tried next. A run's files
have figures of the test part where it was opened; pictures that show them say so.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from seedbed.record.run import Run

if TYPE_CHECKING:
    from torch import Tensor

MOST_ROWS = 10_000
"""Rows of the validation part that are looked at; of a larger one the first."""


@dataclass(frozen=True)
class Examples:
    """Rows of the validation part, and what the net gives for them."""

    inputs: "Tensor"
    """(N, …), as the net sees them."""
    targets: "Tensor"
    """(N, …)."""
    outputs: "Tensor"
    """(N, …), float32."""
    whole: bool
    """Whether these are all rows of the part."""

    @property
    def rows(self) -> str:
        """Which rows they are, for a title."""
        return "validation" if self.whole else f"first {len(self.inputs):,} rows of validation"


@dataclass(frozen=True)
class View:
    """A run to be seen, with the weights of one of its checkpoints."""

    run: Run
    """What its files say."""
    task: Any
    """The LightningModule, with the weights of the best checkpoint."""
    datamodule: Any
    """The LightningDataModule; one of the frame's loads its data once it is asked for some."""
    start: Callable[[], Any] | None = None
    """Makes the task anew with the weights that the fit began with; None where that cannot be."""

    @property
    def kind(self) -> str:
        """The task's, as `regression`; empty for a module that brings its own."""
        return str(getattr(self.task, "kind", ""))

    @property
    def net(self) -> Any:
        """The network; a module that brings its own is one itself."""
        return getattr(self.task, "net", self.task)

    @cached_property
    def examples(self) -> Examples:
        """The validation part's first rows, all of most."""
        import torch

        batches, count, whole = [], 0, True
        loader = self.datamodule.val_dataloader()
        for inputs, targets in loader:
            if count >= MOST_ROWS:
                whole = False
                break
            batches.append((inputs, targets, self.outputs(inputs)))
            count += len(inputs)
        inputs, targets, outputs = (torch.cat(column) for column in zip(*batches, strict=True))
        return Examples(inputs, targets, outputs, whole)

    def batches(self, most: int) -> list[Any]:
        """The validation part's first batches."""
        return [*islice(self.datamodule.val_dataloader(), most)]

    def outputs(self, inputs: "Tensor") -> "Tensor":
        """What the net gives for inputs (N, …), float32, on the processor."""
        with self.evaluating() as net:
            device = next(iter(net.parameters())).device
            given: Tensor = net(inputs.to(device))
        return given.float().cpu()

    @contextmanager
    def evaluating(self) -> Iterator[Any]:
        """The net, as it is evaluated: without gradients, and dropping nothing out."""
        import torch

        net, training = self.net, self.net.training
        net.eval()
        try:
            with torch.no_grad():
                yield net
        finally:
            net.train(training)
