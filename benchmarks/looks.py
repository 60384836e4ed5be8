"""What it costs to see what a run learns, at default settings, in processor time.

Within a fit, the calls that look are timed where they are made: the difference between two fits is
smaller than what two fits alike differ by.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.lines import Line, Measured, at_most
from benchmarks.timing import interleaved, processor
from seedbed.config.build import build
from seedbed.config.compose import composed, plain
from seedbed.looks.board import Board
from seedbed.looks.diagnostics import Diagnostics
from seedbed.looks.weight_path import WeightPath
from seedbed.record.directory import RunDirectory
from seedbed.tensorboard import boards

LOOKS = (Board, Diagnostics, WeightPath)

BLIND = ("report=false", "~callbacks.board", "~callbacks.diagnostics", "~callbacks.weight_path")

PAIRS = 5


def line() -> Measured:
    """What the whole command takes longer than without looks, single batches' rows and report."""
    with tempfile.TemporaryDirectory() as folder:

        def whole(*words: str) -> Callable[[], float]:
            def seconds() -> float:
                where = f"hydra.run.dir={tempfile.mkdtemp(dir=folder)}/run"
                return processor("train.py", "experiment=line", where, *words)()

            return seconds

        pairs = interleaved(whole(), whole(*BLIND, "log_every=null"), pairs=PAIRS)
    more = [seeing - blind for seeing, blind in pairs]
    ours, other = (median(side) for side in zip(*pairs, strict=True))
    detail = f"{ours:.2f} against {other:.2f} s, {PAIRS} pairs; {min(more):.2f} to {max(more):.2f}"
    return Measured(median(more), detail)


def share(*overrides: str) -> Measured:
    """The share of a fit that goes into what looks: callbacks, and rows of single batches."""
    spent = [0.0]

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return call(*arguments, **named)
            finally:
                for board in boards(study.trainer):
                    board.flush()  # whose thread writes what it was given meanwhile
                spent[0] += time.process_time() - began

        return counted

    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory.create(Path(folder) / "run", plain(composed([*overrides])))
        study = build(run.config(), run.path)
        for one in study.callbacks:
            for hook in vars(type(one)) if isinstance(one, LOOKS) else ():
                if hook.startswith("on_"):
                    setattr(one, hook, timed(getattr(one, hook)))
        task: Any = study.task
        vars(task)["_log_batches"] = timed(task._log_batches)
        began = time.process_time()
        study.trainer.validate(study.task, datamodule=study.datamodule, verbose=False)
        study.trainer.fit(study.task, datamodule=study.datamodule)
        whole = time.process_time() - began
    return Measured(spent[0] / whole, f"{spent[0]:.2f} of {whole:.3g} s")


LINES = (
    Line(
        name="looks.line",
        experiment="line",
        what="what `experiment=line` takes longer for its looks, TensorBoard's pictures and report",
        baseline="the same without them",
        target=at_most(0.9, "≤ 0.9 s"),
        measure=line,
        minutes=1,
    ),
    Line(
        name="looks.mnist",
        experiment="mnist",
        what="looks at layers, weights, gradients and single batches within `mnist`'s fit",
        baseline="the whole fit",
        target=at_most(0.03, "≤ 0.03"),
        measure=lambda: share("experiment=mnist"),
        minutes=0.5,
    ),
    Line(
        name="looks.poem",
        experiment="poem_gpt",
        what="the same within the first quarter of `poem_gpt`'s",
        baseline="that quarter, with its validations",
        target=at_most(0.03, "≤ 0.03"),
        measure=lambda: share("experiment=poem_gpt", "max_steps=250"),
        minutes=0.7,
    ),
)
