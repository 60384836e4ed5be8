"""A range test of the learning rate: a short fit at a rate that rises with each step (Smith 2017).

A rate is good where the loss falls fast with it: too low, and nothing happens; too high, and it
rises. Nothing of the study is changed, and no run is recorded. Trade-off: it measures the first
steps from these initial weights, without a schedule's warm-up, and a longer fit may like a lower
rate.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from lightning import Callback, LightningModule, Trainer

from seedbed.config.build import Study, build, build_trainer
from seedbed.config.checks import check
from seedbed.config.machine import alone
from seedbed.data.base import seal_test
from seedbed.errors import SettingError, TrainingError
from seedbed.files import place_csv, writing
from seedbed.report.rates import draw_rates
from seedbed.report.style import drawing
from seedbed.runs.start import settings_of
from seedbed.runs.weights import load_pretrained

LAST_SHARE = 0.9
"""Of the smoothed loss, what is kept at each step."""

DIVERGED = 4.0
"""How many times the first loss, or what it has fallen by, it may rise by."""

FLAT = 0.01
"""The share of the first loss by which it must fall for anything to be said."""

FEWEST = 20
"""Steps of which something can be said."""

LINES = 12
"""Rates that the terminal shows."""


@dataclass(frozen=True)
class Found:
    """The result of a range test."""

    study: str
    setting: str
    """The setting of the rate; empty of a module that brings its own optimizer."""
    now: float
    """The study's own rate."""
    rates: list[float]
    losses: list[float]
    """The loss of each step, smoothed over those before."""
    suggestion: float | None
    """Where the loss falls fastest; None if it does not."""
    low: float = math.nan
    high: float = math.nan
    """Between these it falls at least half as fast."""


class RisingRate(Callback):
    """Sets the rate before each step, and notes the loss; ends the fit once that diverges.

    Args:
        rates: One for each step; groups of parameters keep their ratio to the first one's.
    """

    def __init__(self, rates: Sequence[float]) -> None:
        self.rates = rates
        self.losses: list[float] = []
        self.now = math.nan
        self._groups: list[tuple[dict[str, Any], float]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find the optimizer's groups.

        Raises:
            SettingError: If there are none whose rate can be set.
        """
        name = type(pl_module).__name__
        if not pl_module.automatic_optimization:
            raise SettingError(f"{name} steps its optimizers itself, so no rate can be set for it.")
        groups = [group for each in trainer.optimizers for group in each.param_groups]
        if not groups or not all("lr" in group for group in groups):
            raise SettingError(f"{name} has no optimizer with a learning rate.")
        # A schedule has set the first step's, as a warm-up's 0.
        given = [float(group.get("initial_lr", group["lr"])) for group in groups]
        self.now = given[0]
        self._groups = [(g, lr / given[0]) for g, lr in zip(groups, given, strict=True)]

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the rate."""
        for group, ratio in self._groups:
            group["lr"] = ratio * self.rates[len(self.losses)]

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the loss."""
        loss = float(outputs["loss"] if isinstance(outputs, Mapping) else outputs)
        self.losses.append(loss)
        smooth = smoothed(self.losses)
        room = max(smooth[0] - min(smooth), abs(smooth[0]))
        if not math.isfinite(loss) or smooth[-1] - min(smooth) > DIVERGED * room:
            trainer.should_stop = True


def find_rate(overrides: Sequence[str], **given: Any) -> Found:
    """Fit what `python train.py OVERRIDES` would, as `range_test` does.

    Raises:
        SettingError: If a setting is wrong, or as that.
        DataError: If the data cannot be used.
    """
    _, config = settings_of(overrides)
    check(config)
    return range_test(config, **given)


def range_test(
    config: Mapping[str, Any], *, low: float = 1e-6, high: float = 10.0, steps: int = 100
) -> Found:
    """Fit what a configuration says, at rates from `low` to `high`.

    Raises:
        SettingError: If the rates do not rise, or there is no optimizer whose rate can be set.
        DataError: If the data cannot be used.
    """
    if not 0 < low < high or steps < FEWEST:
        raise SettingError(
            f"--low {low:g} --high {high:g} --steps {steps}: expected rates that rise from above "
            f"0, and {FEWEST} steps or more."
        )
    rising = RisingRate([*map(float, np.geomspace(low, high, steps))])
    lengths = {"max_steps": steps, "max_epochs": -1, "limit_val_batches": 0}
    alike = {"accumulate_grad_batches": 1, "min_steps": None, "min_epochs": None, "profiler": None}
    settings: dict[str, Any] = {**alone(config["trainer"]), **lengths, **alike}
    with TemporaryDirectory() as folder:
        place = Path(folder)
        study = build({**config, "compile": False, "logger": {}}, place)
        if weights := config.get("weights"):
            load_pretrained(
                Path(weights).expanduser(), study, skip=config.get("weights_skip") or ()
            )
        trainer = build_trainer(
            {**config, "trainer": settings}, place, callbacks=[rising], logger=False
        )
        _fit(trainer, study)
    own = config.get("optimizer")
    setting = "optimizer.lr" if isinstance(own, Mapping) and "lr" in own else ""
    return _found(str(config["experiment_name"]), setting, rising)


def _fit(trainer: Trainer, study: Study) -> None:
    seal_test(study.datamodule, study.task)
    with suppress(TrainingError):  # the loss is no number any more, which is where the test ends
        trainer.fit(study.task, datamodule=study.datamodule)


def _found(study: str, setting: str, rising: RisingRate) -> Found:
    losses = [loss for loss in rising.losses if math.isfinite(loss)]
    rates, smooth = [*rising.rates[: len(losses)]], smoothed(losses)
    found = Found(study, setting, rising.now, rates, smooth, None)
    ends = suggested(rates, smooth)
    return found if ends is None else Found(study, setting, rising.now, rates, smooth, *ends)


def smoothed(losses: Sequence[float]) -> list[float]:
    """The exponential mean of the losses so far, without its bias towards 0."""
    mean, found = 0.0, []
    for step, loss in enumerate(losses, start=1):
        mean = LAST_SHARE * mean + (1 - LAST_SHARE) * loss
        found.append(mean / (1 - LAST_SHARE**step))
    return found


def suggested(rates: Sequence[float], losses: Sequence[float]) -> tuple[float, float, float] | None:
    """The rate at which the loss falls fastest before its least, and the ends of where it does.

    None if it hardly falls.
    """
    if not losses:
        return None
    least = int(np.argmin(losses))
    if least < 3 or losses[0] - losses[least] < FLAT * abs(losses[0]):
        return None
    slope = np.gradient(np.array(losses[: least + 1]), np.log(rates[: least + 1]))
    steepest = int(slope.argmin())
    fast = slope <= slope[steepest] / 2
    first = last = steepest
    while first > 0 and fast[first - 1]:
        first -= 1
    while last < least and fast[last + 1]:
        last += 1
    return rates[steepest], rates[first], rates[last]


def write(found: Found, folder: Path) -> None:
    """Write `rates.csv`, the rates with their losses, and `rates.png`, made if need be.

    Raises:
        RunError: If the folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        rows = zip(found.rates, found.losses, strict=True)
        place_csv(folder / "rates.csv", [["rate", "loss"], *rows])
    with drawing():
        draw_rates(
            found.rates,
            found.losses,
            folder / "rates.png",
            title=found.study,
            own=found.now,
            suggestion=found.suggestion,
            span=(found.low, found.high),
        )


def as_text(found: Found) -> str:
    """The loss over the rate, a line for some of the steps, and what follows."""
    places = sorted({*np.linspace(0, len(found.rates) - 1, LINES).round().astype(int).tolist()})
    losses = [found.losses[place] for place in places]
    span = (max(losses[0], min(losses)) - min(losses)) or 1.0
    lines = [
        f"{found.rates[place]:>10.2g}  {loss:>10.4g}  "
        f"{'█' * min(round(40 * (loss - min(losses)) / span), 60)}"
        for place, loss in zip(places, losses, strict=True)
    ]
    return "\n".join([f"{'rate':>10}  {'loss':>10}", *lines, "", *_words(found)])


def _words(found: Found) -> list[str]:
    if found.suggestion is None:
        return ["The loss falls at none of these rates, so none is suggested."]
    rate = f"{found.suggestion:.1g}"
    words = f"{found.setting}={rate}" if found.setting else f"a rate of {rate}"
    return [
        f"suggestion: {words}; the loss falls fastest there, and at least half as fast from "
        f"{found.low:.2g} to {found.high:.2g}.",
        f"The study's own is {found.now:g}; nothing was changed.",
    ]
