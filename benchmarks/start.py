"""How long one waits before anything happens, as whole processes."""

import tempfile
from pathlib import Path

from benchmarks.lines import Line, Measured, at_most, cost
from benchmarks.timing import interleaved, python

PAIRS = 11


def configuration() -> Measured:
    """Show the composed configuration."""
    ours = python("train.py", "--cfg", "job")
    return cost(interleaved(ours, python("-c", "import hydra"), pairs=PAIRS), "s")


def choices() -> Measured:
    """Show every choice."""
    ours = python("train.py", "--help")
    return cost(interleaved(ours, python("-c", "import hydra"), pairs=PAIRS), "s")


def smallest_study() -> Measured:
    """Train the smallest study, with its first validation, its test and all its files."""
    with tempfile.TemporaryDirectory() as folder:

        def ours() -> float:
            place = tempfile.mkdtemp(dir=folder)
            where = f"hydra.run.dir={Path(place) / 'run'}"
            return python("train.py", "experiment=line", "report=false", where)()

        baseline = python("-c", "import torch, lightning")
        return cost(interleaved(ours, baseline, pairs=7), "s")


LINES = (
    Line(
        name="start.cfg",
        what="`python train.py --cfg job`",
        baseline='`python -c "import hydra"`',
        target=at_most(2, "≤ 2×"),
        measure=configuration,
        minutes=0.2,
    ),
    Line(
        name="start.help",
        what="`python train.py --help`",
        baseline='`python -c "import hydra"`',
        target=at_most(4, "≤ 4×"),
        measure=choices,
        minutes=0.2,
    ),
    Line(
        name="start.line",
        experiment="line",
        what="`python train.py experiment=line report=false`, whole",
        baseline='`python -c "import torch, lightning"`',
        target=at_most(1.4, "≤ 1.4×"),
        measure=smallest_study,
        minutes=1,
    ),
)
