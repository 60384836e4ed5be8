"""Metrics that a run adds to its task's own: torchmetrics', or a user's own.

They are computed at a part's end of all its predictions, which are kept for the task's own metrics
anyway, so how many classes there are need not be known before, and processes agree as they do on
those. Trade-off: nothing is computed of parts of a part.
"""

import inspect
import warnings
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from seedbed.errors import TrainingError

MakeMetric = Callable[..., Any]
"""Makes a `torchmetrics.Metric`; or is a function of predictions and targets, its arguments set."""


class ExtraMetrics:
    """Metrics by their names.

    Args:
        made: What makes each; torchmetrics' `task` and `num_classes` are filled in.
        beside: The names that the task's own metrics have.
        task: The task's kind, `regression`, `binary` or `multiclass`.
        predictions, targets: Some to try the metrics on.

    Raises:
        ValueError: If a name is taken, or what a metric gives of them is no single number.
    """

    def __init__(
        self,
        made: Mapping[str, MakeMetric] | None,
        *,
        beside: Collection[str],
        task: str,
        predictions: Tensor,
        targets: Tensor,
    ) -> None:
        self._made = dict(made or {})
        self._known = {"task": task}
        if taken := sorted({*self._made} & {*beside}):
            raise ValueError(f"metrics: the task has {', '.join(taken)} already; choose new names")
        if torch.get_default_device().type == "meta":
            return  # a net is laid out, where nothing has a value
        for name in self._made:
            self._try(name, predictions, targets)

    def compute(self, predictions: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Each metric of all predictions, or probabilities, (N,) or (N, K) and targets (N,)."""
        figures = {}
        for name in self._made:
            try:
                figures[name] = torch.as_tensor(self._measure(name, predictions, targets)).float()
            except (RuntimeError, ValueError) as error:
                raise TrainingError(f"task.metrics.{name}: {error}") from error
        return figures

    def _try(self, name: str, predictions: Tensor, targets: Tensor) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of classes that do not occur
                value: object = self._measure(name, predictions, targets)
        except Exception as error:  # any error: it may be foreign code
            raise ValueError(f"metrics.{name}: {error}") from error
        if not isinstance(value, float | int) and not (
            isinstance(value, Tensor) and not value.ndim
        ):
            came = f"shape {[*value.shape]}" if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(
                f"metrics.{name}: expected one number of predictions and targets, got {came}"
            )

    def _measure(self, name: str, predictions: Tensor, targets: Tensor) -> Any:
        make = self._made[name]
        if inspect.isfunction(getattr(make, "func", None)):
            return make(predictions, targets)
        classes = predictions.shape[1] if predictions.ndim > 1 else 2
        metric = made(make, **self._known, num_classes=classes).to(predictions.device)
        metric.distributed_available_fn = lambda: False  # each process has the predictions of all
        metric.update(predictions, targets)
        return metric.compute()


def made(make: MakeMetric, **known: Any) -> Any:
    """A metric, with those of the known arguments that it takes and was not given."""
    arguments = getattr(make, "keywords", {})
    taken = inspect.signature(getattr(make, "func", make)).parameters
    known = {name: known[name] for name in known if name in taken and name not in arguments}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Metric `.*` will save all targets and predictions")
        return make(**known)


DIRECTIONS: dict[str, Literal["min", "max"]] = {
    "EER": "min",
    "NegativePredictiveValue": "max",
    "Specificity": "max",
    "KendallRankCorrCoef": "max",
    "PearsonCorrCoef": "max",
    "TweedieDevianceScore": "min",
}
"""Which is best of torchmetrics' metrics that do not say it, by their names for any task."""


def direction(make: MakeMetric, task: str) -> Literal["min", "max"] | None:
    """Whether a metric's best is its lowest or its highest, if that is known."""
    if inspect.isfunction(getattr(make, "func", None)):
        return None
    try:
        metric = made(make, task=task, num_classes=2)
    except Exception:  # to try it says why
        return None
    name = type(metric).__name__.removeprefix("Binary").removeprefix("Multiclass")
    if metric.higher_is_better is None:
        return DIRECTIONS.get(name)
    return "max" if metric.higher_is_better else "min"
