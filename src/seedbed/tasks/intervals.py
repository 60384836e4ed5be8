"""How far a test's figure may be from that of all examples there could be: the bootstrap.

Of the test part's examples as many are drawn with repeats, again and again (Efron 1979). It shows
what another test part would give, not what another seed would. A figure that is no mean over
examples, as AUROC, becomes one to first order: of what each example adds to it (the infinitesimal
jackknife, Jaeckel 1972). Trade-off: metrics that a run adds have none, and where examples
are few and a figure is near its bound, the interval is less reliable.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

DRAWS = 1000

LARGE = 5_000
"""Examples from which on a mean is as good as normal, and is not drawn."""


def bootstrap(values: Tensor) -> tuple[list[float], list[float]]:
    """The ends of the 95 % intervals of the means of values (N, K): the percentiles of the draws.

    The same values always give the same, in any order, as several processes gather them.
    """
    table = np.sort(values.double().cpu().numpy(), axis=0)
    size = len(table)
    if size >= LARGE:
        mean, half = table.mean(axis=0), 1.96 * table.std(axis=0, ddof=1) / size**0.5
        return (mean - half).tolist(), (mean + half).tolist()
    generator = np.random.default_rng(0)
    means = [table[generator.integers(size, size=size)].mean(axis=0) for _ in range(DRAWS)]
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low.tolist(), high.tolist()


def first_order(measure: Callable[..., Mapping[str, Tensor]], *given: Tensor) -> dict[str, Tensor]:
    """Values of each example (N,) whose mean is a figure, and which say what it adds to that.

    Args:
        measure: Makes figures, by their names, of what is given and of how much each example
            counts, float64 (N,): the same of any multiple of that. One that is not finite is left
            out.
        given: What there is of each example (N, …).
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        given = (*map(torch.clone, given),)  # of a Trainer's inference mode, too
        count, device = len(given[0]), given[0].device
        weights = torch.ones(count, dtype=torch.float64, device=device, requires_grad=True)
        figures = measure(*given, weights)
        return {
            name: figure.detach()
            + count * torch.autograd.grad(figure, weights, retain_graph=True)[0]
            for name, figure in figures.items()
            if bool(figure.isfinite())
        }
