"""A million rows of twenty columns: read, split and scaled, beside Polars' own read.

    python -m benchmarks.tables own|seedbed FILE

prints seconds and the peak of memory, with torch's own in it, as JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.lines import Line, Measured, at_most, cost
from benchmarks.timing import child, interleaved

ROWS, COLUMNS = 1_000_000, 20
PAIRS = 7
LIMIT = 2.0


def _write(path: Path) -> None:
    import numpy as np
    import polars as pl

    random = np.random.default_rng(0)
    pl.DataFrame({f"c{k}": random.normal(size=ROWS).round(4) for k in range(COLUMNS)}).write_csv(
        path
    )


def _read(what: str, path: str) -> dict[str, float]:
    import polars as pl

    from seedbed.data.table import Table

    started = time.perf_counter()
    if what == "own":
        pl.read_csv(path)
    else:
        Table(path=path, target="c0").setup()
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def _measured(path: Path, what: str) -> Any:
    return child("benchmarks.tables", what, str(path))


def reading() -> Measured:
    """Both, alternating, each in a process of its own."""
    with TemporaryDirectory() as folder:
        _write(path := Path(folder, "table.csv"))
        pairs = interleaved(
            lambda: float(_measured(path, "seedbed")["seconds"]),
            lambda: float(_measured(path, "own")["seconds"]),
            pairs=PAIRS,
        )
    return cost(pairs, "s")


def memory() -> Measured:
    """A process that reads, splits and scales it."""
    with TemporaryDirectory() as folder:
        _write(path := Path(folder, "table.csv"))
        peak = float(_measured(path, "seedbed")["GiB"])
    return Measured(peak / LIMIT, f"{peak:.2f} GiB, torch's own in it", [(peak, LIMIT)])


LINES = (
    Line(
        name="tables.read",
        what=f"a table of {ROWS:,} rows × {COLUMNS} columns read, split and scaled",
        baseline="Polars' own read of it",
        target=at_most(3.0),
        measure=reading,
        minutes=1.5,
    ),
    Line(
        name="tables.memory",
        what="its peak of memory",
        baseline="2 GiB",
        target=at_most(1.0),
        measure=memory,
        minutes=0.3,
    ),
)

if __name__ == "__main__":
    print(json.dumps(_read(*sys.argv[1:])))
