"""A million rows of twenty columns: read, split and scaled, beside Polars' own read.

`python -m benchmarks.tables` prints seconds of both, and the peak of memory with torch's own in it.
Each is measured in a process of its own.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS, COLUMNS = 1_000_000, 20


def _write(path: Path) -> None:
    import numpy as np
    import polars as pl

    random = np.random.default_rng(0)
    pl.DataFrame({f"c{k}": random.normal(size=ROWS).round(4) for k in range(COLUMNS)}).write_csv(
        path
    )


def _measure(path: str, what: str) -> None:
    import polars as pl

    from seedbed.data.table import Table

    started = time.perf_counter()
    if what == "own":
        pl.read_csv(path)
    else:
        Table(path=path, target="c0").setup()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(f"{what:8}{seconds:8.2f} s{peak:8.2f} GiB\n")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _measure(*sys.argv[1:])
    else:
        with tempfile.TemporaryDirectory() as folder:
            _write(file := Path(folder, "table.csv"))
            for what in ("own", "seedbed") * 3:
                command = [sys.executable, "-m", "benchmarks.tables", str(file), what]
                subprocess.run(command, check=True)
