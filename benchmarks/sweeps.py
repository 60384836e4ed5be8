"""What a sweep's further jobs cost, and what a second worker saves, as whole processes."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.lines import Line, Measured, at_most, cost
from benchmarks.timing import interleaved, python

JOBS = 8
STUDY = ("experiment=line", "data.batch_size=16", "max_epochs=800")
"""A job long enough, some ten seconds of one core, that the sweep's start does not decide."""


def workers() -> Measured:
    """The same jobs of one core each, two at a time and one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        parallel = _sweep(folder, JOBS, *STUDY, "workers=2", OMP_NUM_THREADS="1")
        serial = _sweep(folder, JOBS, *STUDY, OMP_NUM_THREADS="1")
        return cost(interleaved(parallel, serial, pairs=2, warm_up=False), "s", f"{JOBS} jobs")


def further_jobs() -> Measured:
    """Sweeps over the line of nine jobs and of one: what one of the other eight takes."""
    with tempfile.TemporaryDirectory() as folder:
        many = _sweep(folder, JOBS + 1, "experiment=line")
        one = _sweep(folder, 1, "experiment=line")
        pairs = interleaved(many, one, pairs=5)
    further = [((all_of_them - first) / JOBS, first) for all_of_them, first in pairs]
    return cost(further, "s")


def _sweep(folder: str, jobs: int, *arguments: str, **environment: str) -> Callable[[], float]:
    """Have a sweep of so many jobs, in a directory of its own each time, return its seconds."""
    rates = ",".join(str(0.001 + number / 1e4) for number in range(jobs))

    def seconds() -> float:
        place = Path(tempfile.mkdtemp(dir=folder)) / "sweep"
        rate = f"optimizer.lr={rates}"
        where = f"hydra.sweep.dir={place}"
        return python("train.py", "-m", *arguments, rate, where, **environment)()

    return seconds


LINES = (
    Line(
        name="sweeps.workers",
        experiment="line",
        what=f"a sweep of {JOBS} one-core jobs, `workers=2`",
        baseline="the same sweep, one job after the other",
        target=at_most(0.65),
        measure=workers,
        minutes=10,
    ),
    Line(
        name="sweeps.further",
        experiment="line",
        what="a further job in a serial sweep over `line`",
        baseline="a sweep over `line` of one job",
        target=at_most(0.3),
        measure=further_jobs,
        minutes=2,
    ),
)
