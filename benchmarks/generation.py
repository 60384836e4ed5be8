"""Writing poems: keys and values kept, and many poems at once, beside the lesson's way.

Both nets have the lesson's size and drawn weights: what is written does not change the time.
"""

import torch
from torch import nn

from benchmarks.lessons.poem_gpt import CONTEXT, DEPTH, WIDTH, LessonGPT
from benchmarks.lines import Line, Measured, at_least, speed
from benchmarks.timing import interleaved, timed
from seedbed.nets.generation import generate
from seedbed.nets.gpt import GPT

VOCABULARY = 8_548
PROMPT = [4403, 2704, 345, 1642]
LENGTH = 250


def poems(count: int) -> Measured:
    """Write so many poems of 250 characters; the lesson writes them one after another.

    One of its poems is timed, and taken `count` times.
    """
    torch.manual_seed(0)
    lesson = LessonGPT(VOCABULARY).eval()
    net = GPT(vocabulary_size=VOCABULARY, context=CONTEXT, depth=DEPTH, width=WIDTH).eval()
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.1)
    one = timed(lambda: lesson.generate(torch.tensor([PROMPT]), LENGTH))
    ours = timed(lambda: generate(net, [PROMPT] * count, LENGTH))
    pairs = interleaved(ours, lambda: count * one(), pairs=7)
    rates = (count * LENGTH / min(side) for side in zip(*pairs, strict=True))
    fastest, lessons = (f"{rate:,.0f}" for rate in rates)
    return speed(pairs, "s", f"at best {fastest} and {lessons} characters a second")


LINES = (
    Line(
        name="generation.one",
        what="generation: one poem of 250 characters",
        baseline="the lesson's generate, the whole context again for each character",
        target=at_least(6),
        measure=lambda: poems(1),
        minutes=0.6,
    ),
    Line(
        name="generation.many",
        what="generation: 64 poems of 250 characters at once",
        baseline="the lesson's generate, one poem after another",
        target=at_least(100),
        measure=lambda: poems(64),
        minutes=1,
    ),
)
