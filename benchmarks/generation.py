"""Writing poems: keys and values kept, and many poems at once, beside the lesson's way.

Both nets have the lesson's size. The lesson's time does not depend on its weights; ours does, for a
rare character costs more than a common one, so our net is trained for some steps before.
"""

import tempfile
from pathlib import Path

import torch

from benchmarks.lessons.poem_gpt import LessonGPT
from benchmarks.lines import Line, Measured, at_least, speed
from benchmarks.poem import LESSONS_SIZE
from benchmarks.timing import interleaved, timed
from seedbed.config.build import build
from seedbed.config.compose import composed, plain
from seedbed.nets.generation import generate
from seedbed.nets.language_model import LanguageModel

VOCABULARY = 8_548
PROMPT = [4403, 2704, 345, 1642]
LENGTH = 250
STEPS = 40
"""After which common and rare characters are drawn about as often as they are in the poems."""


def trained_net() -> LanguageModel:
    """Our net at the lesson's size, trained for a moment on the lesson's text."""
    lengths = (f"max_steps={STEPS}", "val_check_interval=1000", "+trainer.limit_val_batches=1")
    with tempfile.TemporaryDirectory() as folder:
        study = build(plain(composed([*LESSONS_SIZE, *lengths, "logger=csv"])), Path(folder))
        study.trainer.fit(study.task, datamodule=study.datamodule)
    net = study.task.net
    assert isinstance(net, LanguageModel)
    return net.eval()


def poems(count: int) -> Measured:
    """Write so many poems of 250 characters; the lesson writes them one after another.

    One of its poems is timed, and taken `count` times.
    """
    torch.manual_seed(0)
    lesson = LessonGPT(VOCABULARY).eval()
    net = trained_net()
    one = timed(lambda: lesson.generate(torch.tensor([PROMPT]), LENGTH))
    ours = timed(lambda: generate(net, [PROMPT] * count, LENGTH))
    pairs = interleaved(ours, lambda: count * one(), pairs=21)
    rates = (count * LENGTH / min(side) for side in zip(*pairs, strict=True))
    fastest, lessons = (f"{rate:,.0f}" for rate in rates)
    return speed(pairs, "s", f"at best {fastest} and {lessons} characters a second")


LINES = (
    Line(
        name="generation.one",
        experiment="poem_gpt_sprint",
        what="generation: one poem of 250 characters",
        baseline="the lesson's generate, the whole context again for each character",
        target=at_least(6),
        measure=lambda: poems(1),
        minutes=1.2,
    ),
    Line(
        name="generation.many",
        experiment="poem_gpt_sprint",
        what="generation: 64 poems of 250 characters at once",
        baseline="the lesson's generate, 64 times one poem",
        target=at_least(100),
        measure=lambda: poems(64),
        minutes=1.2,
    ),
)
