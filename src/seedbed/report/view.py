"""What a run's pictures are drawn from: its files, its net, and the validation part.

Only validation is looked at: what is seen in a picture may decide what is tried next. A run's files
have figures of the test part where it was opened; pictures that show them say so.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from seedbed.errors import SeedbedError
from seedbed.record.checkpoint import FOLDER, LAST, reopen
from seedbed.record.run import Run

if TYPE_CHECKING:
    from torch import Tensor

MOST_PARAMETERS = 10_000
"""Nets with fewer may have kept their path."""

MOST_ROWS, FEWEST_ROWS = 10_000, 500
"""Rows of the validation part that are looked at, the first of more; fewer of large nets."""

WORK = 2 * 10**10
"""Parameters times rows that are worth it."""


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
class FitPath:
    """Weights that a fit went through, evenly spaced from its start on, and its last ones."""

    steps: list[int]
    weights: "Tensor"
    """(steps, parameters), float32."""

    def some(self, count: int) -> list[int]:
        """Up to so many places of the path, the first and the last, closest at the start."""
        last = len(self.steps) - 1
        spread = {round((last + 1) ** (n / max(count - 1, 1))) - 1 for n in range(count)}
        return sorted({0, *(place for place in spread if place <= last), last})


def path_of(run: Run, names: Sequence[str]) -> FitPath | None:
    """The path that a run's last checkpoint has; None where it keeps none, or cannot be read.

    `names` are the net's parameters in order, as the checkpoint's `state_dict` calls them.
    """
    if "callbacks.weight_path._target_" not in run.config:
        return None
    import torch

    try:
        state = reopen(run.path / FOLDER / LAST)
        kept = state["callbacks"]["WeightPath"]
        count, steps, weights = kept["count"], kept["steps"], kept["weights"]
        end = torch.cat([state["state_dict"][name].flatten() for name in names])
        path = torch.cat([weights[:count], end[None]]).float()
        places = [*steps[:count].tolist(), state["steps"]]
    except (AttributeError, LookupError, RuntimeError, SeedbedError, TypeError):
        return None
    if len(places) > 1 and places[-1] == places[-2]:  # the last step's are among those kept
        return FitPath(places[:-1], path[:-1])
    return FitPath(places, path)


@dataclass(frozen=True)
class View:
    """A run to be seen, with the weights of one of its checkpoints."""

    run: Run
    """What its files say."""
    task: Any
    """The LightningModule, of a run that is done with the weights of its best checkpoint."""
    datamodule: Any
    """The LightningDataModule; one of the frame's loads its data once it is asked for some."""
    start: Callable[[], Any] | None = None
    """Makes the task anew with the weights that the fit began with; None where that cannot be."""
    weights: str = "best"
    """What to call the weights that the task has."""

    @property
    def kind(self) -> str:
        """The task's, as `regression`; empty for a module that brings its own."""
        return str(getattr(self.task, "kind", ""))

    @property
    def net(self) -> Any:
        """The network; a module that brings its own is one itself."""
        return getattr(self.task, "net", self.task)

    @property
    def parameters(self) -> list[str]:
        """The net's parameters in order, as a checkpoint calls them."""
        prefix = "" if self.net is self.task else "net."
        return [f"{prefix}{name}" for name, _ in self.net.named_parameters()]

    @cached_property
    def path(self) -> FitPath | None:
        """Where a tiny net's weights went; None where that was not kept."""
        tiny = sum(p.numel() for p in self.net.parameters()) < MOST_PARAMETERS
        return path_of(self.run, self.parameters) if tiny else None

    @contextmanager
    def at(self, vectors: Iterable["Tensor"]) -> Iterator[Iterator[None]]:
        """Give the net other weights, one vector (parameters,) after the other, and then its own.

        Within it, each turn of a loop has the next of them.
        """
        import torch

        own = [p.detach().clone() for p in self.net.parameters()]

        def each() -> Iterator[None]:
            for vector in vectors:
                self._set(torch.split(vector, [p.numel() for p in own]))
                yield

        with self.evaluating():
            try:
                yield each()
            finally:
                self._set(own)

    def _set(self, values: Sequence["Tensor"]) -> None:
        for parameter, value in zip(self.net.parameters(), values, strict=True):
            parameter.data.copy_(value.view_as(parameter))

    @cached_property
    def examples(self) -> Examples:
        """The validation part's first rows, all of most."""
        import torch

        size = sum(p.numel() for p in self.net.parameters())
        most = min(max(WORK // max(size, 1), FEWEST_ROWS), MOST_ROWS)
        batches, count, whole = [], 0, True
        for inputs, targets in self.datamodule.val_dataloader():
            if count >= most:
                whole = False
                break
            batches.append((inputs, targets, self.outputs(inputs)))
            count += len(inputs)
        inputs, targets, outputs = (torch.cat(column) for column in zip(*batches, strict=True))
        return Examples(inputs, targets, outputs, whole)

    def truth(self, inputs: "Tensor") -> "Tensor | None":
        """What targets would be without their noise, as the DataModule's `truth` says, if it does.

        Args:
            inputs: As the net sees them (N, …).

        Returns:
            In the targets' own unit, of classes the probability of the second one: (N, 1).
        """
        law = getattr(self.datamodule, "truth", None)
        return law(inputs) if law else None

    def outputs(self, inputs: "Tensor") -> "Tensor":
        """What the net gives for inputs (N, …), float32, on the processor."""
        with self.evaluating() as net:
            weight = next(net.parameters())
            kind = weight.dtype if inputs.is_floating_point() else inputs.dtype
            given: Tensor = net(inputs.to(weight.device, kind))
        return given.float().cpu()

    @cached_property
    def probabilities(self) -> "Tensor":
        """Of a classifier's examples, those of each class: (N, K), of two classes (N, 2)."""
        import torch

        outputs = self.examples.outputs
        if self.kind == "binary":
            second = outputs.flatten().sigmoid()
            return torch.stack([1 - second, second], dim=1)
        return outputs.softmax(dim=1)

    @cached_property
    def classes(self) -> "Tensor":
        """Of the same examples, the numbers of their classes, int64 (N,)."""
        return self.examples.targets.flatten().long()

    @property
    def labels(self) -> list[str]:
        """What the classes are called."""
        known = getattr(self.datamodule, "labels", None)
        return [*map(str, known or range(self.probabilities.shape[1]))]

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
