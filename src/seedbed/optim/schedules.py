"""Learning-rate schedules as factors of the optimizer's own rates.

Each schedule is a closed-form factor of the fraction of the fit that is done, so every rate of
every group follows it, and a fit's length can be given in steps or epochs alike.
"""

from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def constant(optimizer: Optimizer, total_steps: int) -> LambdaLR:  # noqa: ARG001
    """Keep the optimizer's own rate."""
    return LambdaLR(optimizer, lambda _: 1.0)


def warmup_stable_decay(
    optimizer: Optimizer,
    total_steps: int,
    *,
    warmup: float = 0.05,
    decay: float = 0.2,
    final: float = 0.0,
) -> LambdaLR:
    """Rise linearly, stay, fall linearly (Hu et al. 2024).

    Args:
        optimizer: Whose rates to scale.
        total_steps: Length of the fit in optimizer steps.
        warmup: Length of the rise; a fraction of the fit below 1, steps from 1 on.
        decay: Length of the fall, likewise.
        final: The factor at the end.
    """
    rise, fall = _steps(warmup, total_steps), _steps(decay, total_steps)

    def factor(step: int) -> float:
        up = (step + 1) / (rise + 1) if step < rise else 1.0
        left = total_steps - step
        down = final + (1 - final) * left / (fall + 1) if left <= fall else 1.0
        return max(0.0, min(up, down))

    return LambdaLR(optimizer, factor)


Schedule = Callable[[Optimizer, int], LambdaLR]
"""Makes a schedule for an optimizer and a number of steps."""


def _steps(length: float, total_steps: int) -> int:
    """A length in steps, from a fraction of the fit or from a number of steps."""
    return round(length * total_steps) if length < 1 else int(length)
