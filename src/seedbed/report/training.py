"""How a fit went, step by step: losses with the best marked, learning rate, gradient norms."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seedbed.record.files import Table
from seedbed.record.run import Run
from seedbed.report.comparison import figure as written
from seedbed.report.picture import Picture
from seedbed.report.scales import finite, set_log, spans
from seedbed.report.style import COLOURS, GREY, INK, panels
from seedbed.report.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_training(view: View) -> Iterator[Picture]:
    """The picture `training`, of what `metrics.csv` holds; none where nothing was logged."""
    run = view.run
    losses = {
        part: points
        for part in ("train", "val")
        if (points := _points(run, f"{part}/loss") or _points(run, f"{part}_loss"))
    }
    if not losses:
        return
    rates = _single(run.batches, "learning_rate") or _points(run, "learning_rate")
    lines = {"learning rate": rates if len({y for _, y in rates}) > 1 else []}
    lines |= {"gradient norm": _points(run, "train/gradient_norm")}
    lines = {name: points for name, points in lines.items() if points}
    figure, axes = panels([3, *[1.3] * len(lines)])
    single = _single(run.batches, "loss")
    if len(single) > 2 * max(map(len, losses.values())):
        axes[0].plot(*zip(*single, strict=True), color=GREY, linewidth=0.6, label="single batches")
    _draw_losses(axes[0], run, losses)
    for below, (name, points) in zip(axes[1:], lines.items(), strict=True):
        below.plot(*zip(*points, strict=True), color=COLOURS[6], linewidth=1.2)
        if name != "learning rate":  # of which a decay to nothing is better seen as it is
            _set_height(below, {name: points})
        below.set_ylabel(name.replace(" ", "\n"))
    axes[-1].set_xlabel("training step")
    yield Picture("training", "Training", _alt(run, losses, [*lines]), figure)


def _points(run: Run, name: str) -> list[tuple[float, float]]:
    return [(x, y) for x, y in run.curve(name, "step") if math.isfinite(y)]


def _single(batches: Table, name: str) -> list[tuple[float, float]]:
    """What was kept of single batches, by step."""
    pairs = zip(batches.get("step", []), batches.get(name, []), strict=False)
    return [(x, y) for x, y in pairs if x is not None and y is not None and math.isfinite(y)]


def _draw_losses(axes: "Axes", run: Run, losses: dict[str, list[tuple[float, float]]]) -> None:
    looks = {
        "train": ("training", "--", COLOURS[3]),
        "val": ("validation", "-", COLOURS[0]),
    }
    for part, points in losses.items():
        label, style, colour = looks[part]
        axes.plot(*zip(*points, strict=True), style, color=colour, label=label)
    if "val" in losses and (best := _best(run, losses["val"])):
        label = f"best: {written(best[1])} at step {best[0]:,.0f}"
        axes.plot(*best, "o", color=INK, markersize=6, label=label, zorder=4)
    _set_height(axes, losses)
    if why := stopped(run):
        axes.axvline(run.steps, color=GREY, linestyle=":", label=why)
    axes.set_ylabel("loss")
    axes.legend(loc="upper right")


def _set_height(axes: "Axes", lines: dict[str, list[tuple[float, float]]]) -> None:
    values = finite(y for points in lines.values() for _, y in points)
    if spans(values, 20):
        set_log(axes, "y", min(values) / 1.2, max(values) * 1.2)


def stopped(run: Run) -> str:
    """Why the fit ended before its time, as `stopped early`; empty if it did not."""
    if run.state == "pruned":
        return "pruned by its sweep"
    if run.state in ("failed", "interrupted"):
        return run.state
    most = run.config.get("trainer.max_epochs"), run.config.get("trainer.max_steps")
    epochs, steps = (n if isinstance(n, int) and n > 0 else math.inf for n in most)
    reached = max((x for x, _ in run.curve("train/loss", "epoch")), default=0)
    return "stopped early" if reached < epochs < math.inf or run.steps < steps < math.inf else ""


def _best(run: Run, points: list[tuple[float, float]]) -> tuple[float, float] | None:
    """Where the best checkpoint's validation is; without one, nothing."""
    step = run.final.get("step")
    return next(((x, y) for x, y in points if x == step), None)


def _alt(run: Run, losses: dict[str, list[tuple[float, float]]], below: list[str]) -> str:
    """The ends of each curve, and the best."""
    words = {"train": "training", "val": "validation"}
    ends = [
        f"{words[part]} loss from {written(points[0][1])} to {written(points[-1][1])}"
        for part, points in losses.items()
    ]
    best = _best(run, losses.get("val", []))
    if best:
        ends.append(f"best validation {written(best[1])} at step {best[0]:,.0f}")
    also = f"; below it {' and '.join(below)}" if below else ""
    return f"Over {run.steps:,} steps: {', '.join(ends)}{also}."
