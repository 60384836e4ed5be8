"""TensorBoard as a researcher sets it up: what is looked at first comes first, and nothing twice.

A run's metrics keep their names everywhere else; here each has a tag whose number puts it in its
place: losses, the study's headline, learning rate, throughput, memory, gradients, all others. The
figures of the best checkpoint, which HPARAMS shows, begin with a bracket: there TensorBoard sorts
by character and shows the first five, and under Scalars it puts numbers before anything else.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning.pytorch.loggers as lightnings
from lightning import Trainer
from lightning.pytorch.utilities import rank_zero_only

EVENTS = "events.out.tfevents."
"""How the names of TensorBoard's files begin; a time follows."""

OF_TEST = ("test/loss", "test/accuracy", "test/r2")
FINAL = ("val/loss", "val/accuracy", *OF_TEST)
"""The metrics that it has; TensorBoard shows no more than five columns unasked."""

BEST = "(best)/"
"""How their tags begin."""

FIRST_FILE = 10**6
"""The number of a process's first TensorBoard file; the next nine million have as many digits."""

PLACES = {
    "batches/loss": "1_loss/batch",
    "batches/learning_rate": "3_learning_rate/batch",
    "train/gradient_norm": "6_gradient_norm/all",
}
"""Tags of single metrics."""

GROUPS = {
    "learning_rate": "3_learning_rate",
    "throughput": "4_throughput",
    "memory": "5_memory",
    "layers/gradient": "6_gradient_norm",
    "layers/update": "6_update_to_weight",
    "layers/activation": "6_activation_scale",
    "layers/constant": "6_constant_units",
}
"""Where metrics go whose names begin so."""

NOWHERE = ("epoch", "step", "learning_rate", *OF_TEST)
"""What is no curve, or stands under another tag."""


class TensorBoardLogger(lightnings.TensorBoardLogger):
    """Writes event files to `tensorboard`.

    Args:
        directory: The run's directory.
    """

    def __init__(self, *, directory: str) -> None:
        super().__init__(directory, name="", version="tensorboard", default_hp_metric=False)
        self._headline: frozenset[str] | None = None

    @rank_zero_only
    def log_graph(self, model: Any, input_array: Any = None) -> None:
        """Lay the charts out by what a module's headline is; Lightning shows it before a start."""
        if self._headline is None:
            names = getattr(model, "headline", ())
            self._headline = frozenset(name.rpartition("/")[2] for name in names)
            self.experiment.add_custom_scalars(layout(sorted(self._headline)))

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write each under its tag."""
        tagged: dict[Any, float] = {
            tag(name, self._headline or frozenset()): x for name, x in metrics.items()
        }
        tagged.pop(None, None)
        super().log_metrics(tagged, step)


def tag(name: str, headline: frozenset[str] = frozenset()) -> str | None:
    """Where a metric stands; None where it has no place, or another has it already.

    Args:
        name: The metric, as `val/loss`; one that is not the frame's keeps its name.
        headline: The study's own headline metrics, as `accuracy`.
    """
    if name in NOWHERE:
        return None
    if name in PLACES:
        return PLACES[name]
    for start, group in GROUPS.items():
        if name.startswith(f"{start}/"):
            return f"{group}/{name.removeprefix(f'{start}/')}"
    part, _, metric = name.partition("/")
    if part not in ("train", "val", "test") or not metric:
        return name
    if part == "test":  # a single point
        return f"8_test/{metric}"
    place = "1" if metric == "loss" else "2" if metric in headline else "7"
    return f"{place}_{metric}/{part}"


def layout(headline: list[str]) -> dict[str, dict[str, list[Any]]]:
    """Charts with training and validation together: of the loss, then of the headline metrics.

    Someone's own module may call its losses `train_loss` and `val_loss`.
    """
    charts = {"loss": ["Multiline", [r"1_loss/(train|val)$|(train|val)_loss(_epoch)?$"]]}
    charts |= {name: ["Multiline", [rf"2_{name}/(train|val)$"]] for name in headline}
    return {"training and validation": charts}


def boards(trainer: Trainer) -> Iterator[Any]:
    """TensorBoard's writer, if the run has one, for what is no number: texts and histograms."""
    for logger in trainer.loggers:
        if isinstance(logger, lightnings.TensorBoardLogger):
            yield logger.experiment


def add_image(trainer: Trainer, name: str, png: bytes, step: int) -> None:
    """Show a picture, the content of a PNG file, in TensorBoard if the run has one."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    image = Summary.Image(encoded_image_string=png)
    for board in boards(trainer):
        summary = Summary(value=[Summary.Value(tag=name, image=image)])
        board._get_file_writer().add_summary(summary, step)
        board.flush()


def latest(folder: str) -> int:
    """When the last event file of a folder began, in seconds since 1970; 0 where there is none."""
    names = "\n".join(map(str, Path(folder).glob(f"{EVENTS}*")))
    return max(map(int, re.findall(rf"[/\\]{EVENTS}(\d+)(?:\.|$)", names, re.MULTILINE)), default=0)


def prepare(least: float) -> None:
    """Have the names of TensorBoard's next files sort as they are made, after those there are.

    It reads files in the order of their names: by the clock, which may have been set back, then by
    numbers as text, 10 before 9. A mark in one would hide what is in an earlier one.

    Its thread that writes keeps an error for the next write, and prints no trace of it.
    """
    from tensorboard.summary.writer import event_file_writer as files

    def run(thread: Any) -> None:
        with suppress(Exception):
            usual(thread)

    ahead = max(time.time(), least) - time.monotonic()
    files.time = SimpleNamespace(time=lambda: time.monotonic() + ahead)  # ever onwards
    if files._global_uid.get() < FIRST_FILE:
        files._global_uid = files.AtomicCounter(FIRST_FILE)
        usual = files._AsyncWriterThread.run
        files._AsyncWriterThread.run = run
