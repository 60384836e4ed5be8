"""The ailments that the training doctor knows: a function each, in the table at the end.

Each looks at a run's evidence and says in a sentence what is wrong, with its figure, or None.
"""

import math

from seedbed.report.doctor import Evidence, Rule

FEWEST = 5
"""Validations from which on a course can be told."""

ENTROPIES = (None, "bce", "cross_entropy")
"""The settings of a loss that is a cross-entropy in nats; a language model has no other."""

STRAINS = ("net.dropout", "data.input_noise", "task.label_smoothing", "callbacks.averaging.decay")
"""Settings that make training harder than validation on purpose."""


def first_loss(evidence: Evidence) -> str | None:
    """A first loss far from what a guess gives, whatever the input."""
    chance, name = _chance(evidence)
    losses = evidence.series("val/loss")
    if not chance or not losses or losses[0][0] > 0 or evidence.setting("weights"):
        return None
    loss = losses[0][1]
    # A regression's first answers are its weights', on whatever scale its targets are.
    least, most = (0.01, 1000.0) if name == "the variance" else (0.5, 2.0)
    if least * chance <= loss <= most * chance:
        return None
    side = "times" if loss > chance else "of"
    return (
        f"Before any step the validation loss is {_number(loss)}, {_number(loss / chance)} {side} "
        f"what a guess gives ({name}: {_number(chance)})."
    )


def _chance(evidence: Evidence) -> tuple[float | None, str]:
    """The loss of a guess that knows no input, and how it comes about."""
    if r2 := evidence.series("val/r2"):
        mse = evidence.series("val/mse")[0][1]
        of_loss = evidence.setting("task.loss") in (None, "mse")
        return (mse / (1 - r2[0][1]) if of_loss and r2[0][1] < 1 else None), "the variance"
    if evidence.setting("task.loss") not in ENTROPIES:
        return None, ""
    count = evidence.sizes.get("vocabulary_size") or evidence.sizes.get("outputs")
    if not isinstance(count, int) or not evidence.series("val/accuracy"):
        return None, ""
    count = max(count, 2)  # two classes are one logit
    return math.log(count), f"ln {count:,}"


def best_first(evidence: Evidence) -> str | None:
    """No validation that is better, to speak of, than the one before the first step."""
    losses = evidence.series("val/loss")
    if len(losses) < FEWEST or losses[0][0] > 0:
        return None
    best = min(loss for _, loss in losses[1:])
    if best < 0.98 * losses[0][1]:
        return None
    return (
        "Nothing was learnt: the validation loss was "
        f"{_number(losses[0][1])} before the first step, and {_number(best)} at best since."
    )


def _number(value: float) -> str:
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


RULES = (
    Rule(
        "first loss",
        "warning",
        first_loss,
        "Look at the targets' scale and the initial weights (init=); below chance, look whether "
        "the answer is among the inputs.",
        early=True,
    ),
    Rule(
        "best at first",
        "warning",
        best_first,
        "Lower optimizer.lr by ten, and see whether one batch can be learnt (trainer=overfit).",
    ),
)
