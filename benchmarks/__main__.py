"""Measure, and write the table: `python -m benchmarks [NAME …]`.

A name is a line (`start.help`), a group of them (`start`), `scaling`, `corpora`,
`processes`, or `all`; without one, every line that takes no long training. `page` only writes the
page again.
"""

import sys
import time

from benchmarks import (
    generation,
    images,
    large,
    looks,
    memory,
    mnist,
    page,
    poem,
    results,
    start,
    sweeps,
    tables,
    trainer,
)
from benchmarks.lines import Line, removed
from benchmarks.page import GROWTH

LINES = [
    *poem.LINES,
    *trainer.LINES,
    *mnist.LINES,
    *start.LINES,
    *looks.LINES,
    *generation.LINES,
    *memory.LINES,
    *large.LINES,
    *tables.LINES,
    *images.LINES,
    *sweeps.LINES,
]


def chosen(names: list[str]) -> tuple[list[Line], list[str]]:
    """The lines that are meant, and the parts about growth.

    Raises:
        SystemExit: If a name is none.
    """
    if not names:
        return [line for line in LINES if not line.long], [*GROWTH]
    if names == ["all"]:
        return LINES, [*GROWTH]
    known = {line.name for line in LINES} | {line.name.split(".")[0] for line in LINES}
    known |= {*GROWTH, "page"}
    if unknown := set(names) - known:
        sys.exit(
            f"{', '.join(sorted(unknown))}: no such line; there is {', '.join(sorted(known))}, all."
        )
    wanted = [line for line in LINES if {line.name, line.name.split(".")[0]} & set(names)]
    return wanted, [name for name in GROWTH if name in names]


def _possible(lines: list[Line], grown: list[str]) -> tuple[list[Line], list[str]]:
    """Those whose experiment is there; of each other one it is said that it was removed."""
    trained = {line.name: line.experiment for line in lines}
    trained |= {name: GROWTH[name].EXPERIMENT for name in grown}
    gone = {name for name in trained if trained[name] and removed(f"experiment={trained[name]}")}
    for name in sorted(gone):
        print(f"{name}: is not measured, as experiment={trained[name]} was removed")
    return [one for one in lines if one.name not in gone], [g for g in grown if g not in gone]


def main(names: list[str]) -> None:
    """Measure what is named, each line kept as it is done."""
    lines, grown = _possible(*chosen(names))
    minutes = sum(line.minutes for line in lines) + sum(GROWTH[name].MINUTES for name in grown)
    print(f"{len(lines) + len(grown)} to measure, about {minutes:.0f} minutes on two cores")
    for line in lines:
        print(f"{line.name}: {line.what}, beside {line.baseline}", flush=True)
        started = time.monotonic()
        around = results.here()
        measured = line.measure()
        results.keep(line.name, measured, around)
        met = "met" if line.target.met_by(measured.figure) else "NOT met"
        figure = results.shown(measured.figure, line.target)
        seconds = time.monotonic() - started
        print(f"  {figure}, target {line.target.text}: {met} ({measured.detail}; {seconds:.0f} s)")
        page.write(LINES)
    for name in grown:
        print(f"{name}:", flush=True)
        GROWTH[name].measure()
    page.write(LINES)
    print(f"written: {results.HERE / 'results.md'}")


if __name__ == "__main__":
    main(sys.argv[1:])
