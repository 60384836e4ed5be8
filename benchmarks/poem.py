"""The poem GPT beside the lesson's: time to its loss, loss in its time, and characters a second."""

from statistics import mean, median

import torch

from benchmarks import results
from benchmarks.fits import fit_beside, of_seeds, trained
from benchmarks.lessons import poem_gpt as lesson
from benchmarks.lines import Line, Measured, at_least, at_most, cost, speed
from benchmarks.timing import child, say
from seedbed.optim.muon import fast_type

PRECISION = "bf16-mixed" if fast_type(torch.device("cpu")) == torch.bfloat16 else "32-true"

SPRINT = ("experiment=poem_gpt_sprint", f"trainer.precision={PRECISION}")
LONG = ("experiment=poem_gpt_long", f"trainer.precision={PRECISION}")
LESSONS_SIZE = (
    "experiment=poem_gpt_sprint",
    "net.width=64",
    "net.depth=4",
    "data.batch_size=16",
    "optimizer=adamw",
    f"trainer.precision={PRECISION}",
    "compile=true",
)
"""Our fastest settings for the size of the lesson's net, its 16 windows of 256 a step and AdamW."""

SEEDS = (1, 2, 3)
LESSONS_LOSS = 4.68
LESSONS_STEPS = 10_000


def lesson_seconds() -> float:
    """The lesson's whole training, its evaluations left out: 10,000 times its median step."""
    step: float = median(child("benchmarks.lessons.poem_gpt", "30")["seconds"])
    say(f"the lesson's step: {step:.3f} s")
    return LESSONS_STEPS * step


def sprint() -> Measured:
    """How long each seed takes to the lesson's loss, the lesson's step timed before and after."""
    pairs, losses = [], []
    before = lesson_seconds()
    for seed in SEEDS:
        fit = trained(*SPRINT, f"seed={seed}")
        after = lesson_seconds()
        pairs.append((fit.seconds, mean((before, after))))
        losses.append(min(loss for _, loss in fit.run.curve("val/loss", "step")))
        say(f"seed {seed}: {fit.seconds:.1f} s, evaluation loss {losses[-1]:.4f}")
        before = after
    found = cost(pairs, "s", f"{PRECISION}; {_losses(losses)}")
    if max(losses) > LESSONS_LOSS:
        return Measured(float("inf"), f"not reached: {found.detail}", pairs)
    return found


def long() -> Measured:
    """The last evaluation's loss of each seed, which may not take longer than the lesson."""
    runs, lessons = [], [lesson_seconds()]
    for fit in of_seeds(SEEDS, *LONG):
        lessons.append(lesson_seconds())
        runs.append(fit)
        say(f"{fit.seconds:,.0f} s, evaluation loss {fit.run.last['val/loss']:.4f}")
    losses = [fit.run.last["val/loss"] for fit in runs]
    share = max(fit.seconds for fit in runs) / mean(lessons)
    detail = f"in {share:.0%} of the lesson's {mean(lessons):,.0f} s at the most, {PRECISION}; "
    if before := [fit.circumstances["threads"] for fit in runs if fit.circumstances]:
        detail += f"threads of each: {', '.join(map(str, before))}; the lesson timed on "
        detail += f"{torch.get_num_threads()}, {results.here()['date'][:10]}; "
    detail += _losses(losses)
    figure = mean(losses) if share <= 1 else float("inf")
    return Measured(figure, detail, circumstances=runs[0].circumstances)


def tokens() -> Measured:
    """Steps of the lesson's size, ours within the Trainer, the lesson's in its own loop."""
    vocabulary_size, text, _ = lesson.corpus()
    model = lesson.LessonGPT(vocabulary_size)
    optimizer = lesson.optimizer_of(model)
    steps = 10

    def lessons() -> None:
        for _ in range(steps):
            lesson.train_step(model, optimizer, text)

    pairs = fit_beside(lessons, *LESSONS_SIZE, every=steps, pairs=9)
    characters = lesson.BATCH * lesson.CONTEXT * steps
    rates = [median(characters / side[i] for side in pairs) for i in (0, 1)]
    return speed(pairs, f"s for {steps} steps", f"{rates[0]:,.0f} and {rates[1]:,.0f} a second")


def _losses(losses: list[float]) -> str:
    listed = ", ".join(f"{loss:.4f}" for loss in losses)
    deviation = torch.tensor(losses).std().item() if len(losses) > 1 else 0.0
    return f"evaluation loss {listed}: {mean(losses):.4f} ± {deviation:.4f}"


LINES = (
    Line(
        name="poem.tokens",
        experiment="poem_gpt_sprint",
        what="poem GPT: characters a second at the lesson's size (width 64, 4 layers, 16 × 256); "
        "compiled, with an adaptive softmax, and bf16-mixed where the processor has it",
        baseline="the lesson's plain net and loop, in fp32",
        target=at_least(4),
        measure=tokens,
        minutes=1.5,
    ),
    Line(
        name="poem.sprint",
        experiment="poem_gpt_sprint",
        what="`poem_gpt_sprint`: time to evaluation loss 4.68, whole process, three seeds",
        baseline="10,000 × the lesson's median training step, its evaluations left out",
        target=at_most(1 / 40, "≤ 1/40"),
        measure=sprint,
        minutes=7,
        long=True,
    ),
    Line(
        name="poem.long",
        experiment="poem_gpt_long",
        what="`poem_gpt_long`: evaluation loss within the lesson's training time",
        baseline="lesson 4.68 after 10,000 steps",
        target=at_most(4.10, "≤ 4.10"),
        measure=long,
        minutes=240,
        long=True,
    ),
)
