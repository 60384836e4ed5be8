"""Learning-rate schedules as factors of the optimizer's own rates.

Each is a closed form of the step, which every rate of every group follows; plateau alone also
looks at what the validations found. A warm-up goes with each of them.

A schedule is a dataclass, so that its state holds all it was made of: a resumed fit keeps the
horizon it began with, however long it is by now, and past it stays at the last factor. Trade-off: a
fit that fell to zero learns nothing from being made longer.
"""

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields
from typing import ClassVar

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


@dataclass(eq=False)
class Schedule(LRScheduler, ABC):
    """A factor of the step, under the ceiling of a warm-up that rises linearly to 1.

    Because the factor is the lower of the two, a schedule is after its warm-up what it is without.
    Lengths here and below are fractions of the fit below 1, steps from 1 on.

    Args:
        optimizer: Whose rates to scale.
        total_steps: Length of the fit in optimizer steps.
        warmup: Length of the warm-up.

    Raises:
        ValueError: If a number is negative, a length above 1 is no whole number, or one is 0 that
            repeats.
    """

    optimizer: Optimizer
    total_steps: int
    _: KW_ONLY
    warmup: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and not value >= 0:
                raise ValueError(f"{field.name}={value}: expected 0 or more")
            if field.name == "every" and not value:
                raise ValueError("every=0: expected more than 0")
        super().__init__(self.optimizer)

    @abstractmethod
    def shape(self, step: int) -> float:
        """The factor without the warm-up, from step 0 to `total_steps`."""

    def factor(self, step: int) -> float:
        """The factor of a step, counted from 0; `total_steps` is the one after the last."""
        step, rise = min(step, self.total_steps), self.steps(self.warmup)
        ceiling = (step + 1) / (rise + 1) if step < rise else 1.0
        return min(ceiling, self.shape(step))

    def steps(self, length: float) -> int:
        """A length in steps."""
        if length < 0 or (length > 1 and length % 1):
            raise ValueError(f"expected a fraction of the fit or a number of steps, got {length}")
        return round(length * self.total_steps) if length < 1 else int(length)

    def get_lr(self) -> list[float | Tensor]:
        """Each group's rate at the present step, which torch calls an epoch."""
        factor = self.factor(self.last_epoch)
        return [rate * factor for rate in self.base_lrs]


class Constant(Schedule):
    """Keeps the optimizer's own rate."""

    def shape(self, step: int) -> float:
        """One throughout."""
        return 1.0


@dataclass(eq=False, kw_only=True)
class Step(Schedule):
    """Multiplies the rate by `gamma` at the end of each length `every`."""

    every: float = 0.25
    gamma: float = 0.5

    def shape(self, step: int) -> float:
        """Stairs."""
        return float(self.gamma ** (step // max(1, self.steps(self.every))))


@dataclass(eq=False, kw_only=True)
class MultiStep(Schedule):
    """Multiplies the rate by `gamma` at each milestone, a length from the start."""

    milestones: Sequence[float] = (0.5, 0.75)
    gamma: float = 0.1

    def shape(self, step: int) -> float:
        """A stair for each milestone reached."""
        reached = bisect_right(sorted(map(self.steps, self.milestones)), step)
        return float(self.gamma**reached)


@dataclass(eq=False, kw_only=True)
class Exponential(Schedule):
    """Falls by the same share at each step, which makes `gamma` over a length `every`.

    With `every=1` it is torch's ExponentialLR.
    """

    every: float = 0.2
    gamma: float = 0.5

    def shape(self, step: int) -> float:
        """A power of the step."""
        return float(self.gamma ** (step / max(1, self.steps(self.every))))


@dataclass(eq=False, kw_only=True)
class Cosine(Schedule):
    """Falls to `final` along half a cosine, from the warm-up's end to the fit's."""

    final: float = 0.0

    def shape(self, step: int) -> float:
        """One during the warm-up, then the cosine."""
        return _half_cosine(1.0, self.final, step, self.steps(self.warmup), self.total_steps)


@dataclass(eq=False, kw_only=True)
class Linear(Schedule):
    """Falls to `final` in a straight line, from the warm-up's end to the fit's."""

    final: float = 0.0

    def shape(self, step: int) -> float:
        """One during the warm-up, then the fall."""
        return _line(self.final, step, self.steps(self.warmup), self.total_steps)


@dataclass(eq=False, kw_only=True)
class OneCycle(Schedule):
    """Rises from `start` for a length `rise`, then falls to `final`, each along half a cosine.

    Momentum, which the paper moves the other way, stays as it is: not every optimizer has one.
    """

    rise: float = 0.3
    start: float = 0.04
    final: float = 4e-6

    def shape(self, step: int) -> float:
        """The optimizer's own rate at the top."""
        top = self.steps(self.rise)
        if step < top:
            return _half_cosine(self.start, 1.0, step, 0, top)
        return _half_cosine(1.0, self.final, step, top, self.total_steps)


@dataclass(eq=False, kw_only=True)
class WarmupStableDecay(Schedule):
    """Rises, stays, and in a last length `decay` falls to `final`, each linear."""

    warmup: float = 0.05
    decay: float = 0.5
    final: float = 0.0

    def shape(self, step: int) -> float:
        """The fall; it ends with the step after the last."""
        first = self.total_steps - self.steps(self.decay)
        return _line(self.final, step, first, self.total_steps)


@dataclass(eq=False, kw_only=True)
class Plateau(Schedule):
    """Multiplies the rate by `gamma` when the validation loss has stopped falling.

    The transitions are those of torch's ReduceLROnPlateau, which goes with no warm-up.

    Args:
        gamma: What a fall of the rate multiplies it by.
        patience: Validations without a better loss that are tolerated; one more lowers the rate.
        threshold: The share by which a loss must be below the best one to be better.
        cooldown: Validations after a fall that are not counted.
        final: The least factor.
    """

    gamma: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    final: float = 0.0
    watched: ClassVar = "loss"

    def __post_init__(self) -> None:
        self.level, self.best = 1.0, math.inf
        self.waited = self.resting = 0
        super().__post_init__()

    def shape(self, step: int) -> float:
        """What the falls so far have left."""
        return self.level

    def observe(self, loss: float) -> None:
        """Take note of a validation's loss; a fall holds from the next training step on."""
        if loss < self.best * (1 - self.threshold):
            self.best, self.waited = loss, 0
        else:
            self.waited += 1
        if self.resting:
            self.resting, self.waited = self.resting - 1, 0
        if self.waited > self.patience:
            self.level = max(self.level * self.gamma, self.final)
            self.resting, self.waited = self.cooldown, 0
            for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
                group["lr"] = rate


def _half_cosine(start: float, end: float, step: int, first: int, last: int) -> float:
    """From `start` at step `first` to `end` at step `last`."""
    done = min(1.0, max(0.0, (step - first) / max(1, last - first)))
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def _line(end: float, step: int, first: int, last: int) -> float:
    """One before step `first`, then straight down to `end` at step `last`."""
    left, fall = last - step, last - first
    return end + (1 - end) * left / (fall + 1) if left <= fall else 1.0
