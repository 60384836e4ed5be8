"""Timing two things against each other: whole processes, or blocks of work within one.

They take turns, and each second pair runs the other way round, so that whatever else the machine
does falls on both alike. The ratio is taken pair by pair and its median quoted. Trade-off: each
thing runs as often as the other, however long it takes.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

Pair = tuple[float, float]
"""What the same work cost ours and the baseline: seconds, or bytes."""


def interleaved(
    ours: Callable[[], float], baseline: Callable[[], float], *, pairs: int, warm_up: bool = True
) -> list[Pair]:
    """What both cost, alternating, after one of each that does not count.

    Args:
        ours: Does our work once and returns its cost.
        baseline: Does the same work the other way and returns its cost.
        pairs: How often.
        warm_up: Whether each is run once before.
    """
    if warm_up:
        ours(), baseline()
    found: list[Pair] = []
    for number in range(pairs):
        if number % 2:
            after = baseline()
            found.append((ours(), after))
        else:
            found.append((ours(), baseline()))
        one, other = found[-1]
        say(f"pair {number + 1} of {pairs}: {one:.4g} and {other:.4g}, ratio {one / other:.4g}")
    return found


def ratio(pairs: Sequence[Pair]) -> float:
    """The median over pairs of our cost as a share of the baseline's."""
    return median(ours / baseline for ours, baseline in pairs)


def speedup(pairs: Sequence[Pair]) -> float:
    """The median over pairs of how many times more is done in the same time."""
    return median(baseline / ours for ours, baseline in pairs)


def timed(work: Callable[[], Any]) -> Callable[[], float]:
    """Have a piece of work return the seconds that it takes."""

    def seconds() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return seconds


def python(*arguments: str, **environment: str) -> Callable[[], float]:
    """Have a whole process of this interpreter return its wall seconds, from start to end."""
    return timed(lambda: run(sys.executable, *arguments, **environment))


def processor(*arguments: str) -> Callable[[], float]:
    """Have a whole process of this interpreter return its processor seconds, its children's too."""

    def seconds() -> float:
        before = os.times()
        run(sys.executable, *arguments)
        after = os.times()
        return after[2] + after[3] - before[2] - before[3]

    return seconds


def run(*command: str, **environment: str) -> str:
    """What a process prints, with these variables besides; it must end well.

    Raises:
        RuntimeError: If it does not, with the end of what it said.
    """
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-2000:]
        raise RuntimeError(f"{' '.join(command)}: ended with {done.returncode}\n{said}")
    return done.stdout


def child(module: str, *arguments: str, **environment: str) -> Any:
    """Run a module of this package in a process of its own; its last line is JSON."""
    printed = run(sys.executable, "-m", module, *arguments, **environment)
    return json.loads(printed.splitlines()[-1])


def say(text: str) -> None:
    """Show how far the run is."""
    print(f"    {text}", flush=True)
