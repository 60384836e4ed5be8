"""How far a test's figure may be from that of all examples there could be: the bootstrap.

Of the test part's examples as many are drawn with repeats, again and again (Efron 1979). It tells
what another test part would give, not what another seed would. Price: only of figures that are
means over examples, for which a draw costs next to nothing.
"""

import numpy as np
from torch import Tensor

DRAWS = 1000

LARGE = 20_000
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
