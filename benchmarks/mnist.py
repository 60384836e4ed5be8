"""MNIST beside the lesson's script, both as whole processes from their start to their test."""

import math
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from benchmarks.fits import Trained, of_seeds, trained
from benchmarks.lines import Line, Measured, at_least, at_most, cost
from benchmarks.timing import interleaved, run, say
from seedbed.data.fetch import data_dir, fetch

RECIPE = ("experiment=mnist",)
TO_98 = ("experiment=mnist_fast",)
TO_99 = ("experiment=mnist_fast", "max_steps=700")
CNN = ("experiment=mnist_cnn",)

LESSON = re.compile(r"test: loss \S+ accuracy (\S+)")

Fit = tuple[float, float]
"""Seconds and test accuracy of a whole command."""

_lessons: list[Fit] = []
"""The lesson's script as it ran, seed by seed: what comes after one line's fits comes before the
next's."""


def lesson() -> Fit:
    """Seconds and test accuracy of the lesson's script, each time with another seed."""
    from studies.mnist.mnist import MNIST_FILES

    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "MNIST" / "raw"
        raw.parent.mkdir()
        raw.symlink_to(fetch(MNIST_FILES, data_dir()), target_is_directory=True)
        started = time.perf_counter()
        seed = str(len(_lessons) + 1)
        printed = run(sys.executable, "-m", "benchmarks.lessons.mnist", folder, seed)
        seconds = time.perf_counter() - started
    found = LESSON.search(printed)
    assert found
    say(f"the lesson's script: {seconds:.1f} s, test accuracy {found[1]}")
    _lessons.append((seconds, float(found[1])))
    return _lessons[-1]


def fit(overrides: Sequence[str], seed: int) -> Fit:
    """Seconds and test accuracy of a whole command."""
    return as_fit(f"{overrides[0]}, seed {seed}", trained(*overrides, f"seed={seed}"))


def as_fit(name: str, done: Trained) -> Fit:
    """What came of a run, said too."""
    accuracy = done.run.final["test/accuracy"]
    say(f"{name}: {done.seconds:.1f} s, test accuracy {accuracy:.4f}")
    return done.seconds, accuracy


def recipe() -> Measured:
    """The lesson's recipe both ways, alternating."""
    fits: list[Fit] = []
    lessons: list[Fit] = []

    def ours() -> float:
        fits.append(fit(RECIPE, len(fits) + 1))
        return fits[-1][0]

    def lessons_own() -> float:
        lessons.append(lesson())
        return lessons[-1][0]

    pairs = interleaved(ours, lessons_own, pairs=5, warm_up=False)
    return cost(pairs, "s", f"test accuracy {_mean(fits)}; the lesson's {_mean(lessons)}")


def fast(overrides: Sequence[str], accuracy: float) -> Measured:
    """Five seeds to an accuracy, against the lesson's script before and after them."""
    before = _lessons[-1] if _lessons else lesson()
    fits = [fit(overrides, seed) for seed in range(1, 6)]
    after = lesson()
    lessons = mean((before[0], after[0]))
    pairs = [(seconds, lessons) for seconds, _ in fits]
    detail = f"test accuracy {_mean(fits)} in {mean(s for s, _ in fits):.1f} s on average; "
    detail += f"the lesson's {_mean([before, after])} in {lessons:.0f} s"
    reached = mean(found for _, found in fits) >= accuracy
    return Measured(mean(s for s, _ in fits) / lessons if reached else math.inf, detail, pairs)


def cnn() -> Measured:
    """The convolutional net's accuracy."""
    runs, fits = [], []
    for done in of_seeds((1, 2, 3), *CNN):
        runs.append(done)
        fits.append(as_fit(CNN[0], done))
    detail = f"{_mean(fits)}, {mean(s for s, _ in fits):,.0f} s"
    return Measured(mean(a for _, a in fits), detail, circumstances=runs[0].circumstances)


def _mean(fits: Sequence[Fit]) -> str:
    accuracies = [accuracy for _, accuracy in fits]
    listed = ", ".join(f"{accuracy:.4f}" for accuracy in accuracies)
    deviation = stdev(accuracies) if len(accuracies) > 1 else 0.0
    return f"{listed}: {mean(accuracies):.4f} ± {deviation:.4f}"


LINES = (
    Line(
        name="mnist.recipe",
        experiment="mnist",
        what="`mnist`, the lesson's recipe (batch 32, Adam, 10 epochs), whole process",
        baseline="the lesson's script, each image transformed on its own",
        target=at_most(0.5),
        measure=recipe,
        minutes=14,
        long=True,
    ),
    Line(
        name="mnist.fast98",
        experiment="mnist_fast",
        what="`mnist_fast` to 98.0 % test accuracy, whole process, five seeds",
        baseline="the lesson's script to the end of its 10 epochs",
        target=at_most(1 / 20, "≤ 1/20"),
        measure=lambda: fast(TO_98, 0.98),
        minutes=5,
        long=True,
    ),
    Line(
        name="mnist.fast99",
        experiment="mnist_fast",
        what="`mnist_fast` to 99.0 % test accuracy, whole process, five seeds",
        baseline="the lesson's script to the end of its 10 epochs",
        target=at_most(1 / 6, "≤ 1/6"),
        measure=lambda: fast(TO_99, 0.99),
        minutes=6,
        long=True,
    ),
    Line(
        name="mnist.cnn",
        experiment="mnist_cnn",
        what="`mnist_cnn`: test accuracy, three seeds",
        baseline="–",
        target=at_least(0.9955, "≥ 0.9955"),
        measure=cnn,
        minutes=60,
        long=True,
    ),
)
