"""The ailments that the training doctor knows: a function each, in the table at the end.

Each looks at a run's evidence and says in a sentence what is wrong, with its figure, or None.
"""

import math
from statistics import median

from seedbed.report.doctor import Evidence, Rule, Series

FEWEST = 5
"""Validations needed to see the course of a curve."""

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


def rate_too_high(evidence: Evidence) -> str | None:
    """A loss that became infinite, or a step far larger than the weights."""
    error = str(evidence.run.status.get("error") or "")
    if evidence.run.state == "failed" and "loss is" in error:
        return f"The fit diverged: {error.partition('. ')[0].rstrip('.')}."
    most = {name: max(x for _, x in series) for name, series in evidence.layers("update").items()}
    name = max(most, key=most.__getitem__, default="")
    if not name or most[name] <= 10:
        return None
    return f"A single step changed the weights of {name} by {_number(most[name])} times their size."


def rate_too_low(evidence: Evidence) -> str | None:
    """Steps that hardly move any weight, while the loss hardly falls."""
    updates = [value for series in evidence.layers("update").values() for _, value in series]
    losses = evidence.series("val/loss")
    if len(updates) < FEWEST or len(losses) < FEWEST or max(updates) > 1e-4:
        return None
    best = min(loss for _, loss in losses)
    if best < 0.9 * losses[0][1]:
        return None
    return (
        f"No step that was looked at changes a layer's weights by more than {max(updates):.1e} of "
        f"their size, and the validation loss fell from {_number(losses[0][1])} to "
        f"{_number(best)} only."
    )


def dead_units(evidence: Evidence) -> str | None:
    """An activation function most of whose units answer every input alike."""
    shares = {name: series[-1] for name, series in evidence.layers("constant").items()}
    dead = {name: share for name, (step, share) in shares.items() if share >= 0.5 and step > 0}
    if not dead:
        return None
    name, share = max(dead.items(), key=lambda item: item[1])
    return f"{share:.0%} of the units of {name} answer every row of validation alike."


def vanishing(evidence: Evidence) -> str | None:
    """A layer that gets almost no gradient while others do."""
    norms = _late(evidence.layers("gradient"))
    if len(norms) < 2 or not (most := max(norms.values())):
        return None
    name, least = min(norms.items(), key=lambda item: item[1])
    if least > 1e-5 * most:
        return None
    return f"The gradient vanishes on its way to {name}: {_number(least / most)} of the largest."


def exploding(evidence: Evidence) -> str | None:
    """Outputs that grow from layer to layer without bound."""
    scales = {name: series[-1][1] for name, series in evidence.layers("activation").items()}
    if len(scales) < 3:
        return None
    (first, least), *_, (last, most) = scales.items()
    if not 0 < least * 1e4 < most:
        return None
    return f"Outputs explode: {first} gives {_number(least)}, {last} gives {_number(most)}."


def still_improving(evidence: Evidence) -> str | None:
    """A loss that was still falling when the fit ended, at a rate that had not been lowered."""
    losses, rates = evidence.series("val/loss"), evidence.rates
    if evidence.run.state != "finished" or len(losses) < FEWEST or not rates:
        return None
    if rates[-1][1] < 0.5 * max(rate for _, rate in rates):
        return None
    end, start = losses[-1][0], losses[0][0]
    before = [loss for step, loss in losses if step <= end - 0.2 * (end - start)]
    fall = losses[0][1] - losses[-1][1]
    lately = min(before) - losses[-1][1]
    if losses[-1][1] > min(loss for _, loss in losses) or fall <= 0 or lately < 0.1 * fall:
        return None
    return (
        f"The validation loss was still falling at the end: {lately / fall:.0%} of its fall came "
        "in the last fifth of the steps."
    )


def overfitting(evidence: Evidence) -> str | None:
    """A validation loss that rises while the training loss goes on falling."""
    losses, training = evidence.series("val/loss"), evidence.series("train/loss")
    if len(losses) < FEWEST or not training:
        return None
    step, best = min(losses, key=lambda item: item[1])
    later = [loss for at, loss in losses if at > step]
    then = next((loss for at, loss in training if at >= step), math.inf)
    if len(later) < 3 or min(later[-2:]) < 1.5 * best or training[-1][1] > 0.9 * then:
        return None
    return (
        f"Since step {step:,} the validation loss rises, from {_number(best)} to "
        f"{_number(later[-1])}, while the training loss goes on falling."
    )


def never_predicted(evidence: Evidence) -> str | None:
    """A class that occurs in validation, and that is predicted for no row."""
    there, predicted = evidence.last_counts("true"), evidence.last_counts("predicted")
    never = [name for name, count in there.items() if count and not predicted.get(name)]
    if not never or evidence.run.state != "finished":
        return None
    names = ", ".join(never[:5]) + (f" and {len(never) - 5} more" if len(never) > 5 else "")
    rows = sum(there[name] for name in never)
    return (
        f"No row of validation is predicted as class {names}, although {rows:,.0f} rows are of it."
    )


def validation_easier(evidence: Evidence) -> str | None:
    """A validation loss far below the training loss, where nothing makes training harder."""
    harder = [name for name in STRAINS if evidence.setting(name)]
    harder += [name for name in evidence.run.config if name.startswith("data.augment.")]
    training = dict(evidence.series("train/loss"))
    pairs = [(loss, training[s]) for s, loss in evidence.series("val/loss") if s in training]
    late = pairs[len(pairs) // 2 :]
    if harder or len(late) < FEWEST or not all(loss < 0.75 * other for loss, other in late):
        return None
    loss, other = late[-1]
    return (
        f"Validation is easier than training: a loss of {_number(loss)} against {_number(other)}."
    )


def slower(evidence: Evidence) -> str | None:
    """A throughput that fell to less than half, and stayed there."""
    names = [name for name in evidence.run.log if name.startswith("throughput/")]
    rates = [value for name in names for _, value in evidence.series(name)]
    third = len(rates) // 3
    if third < 3:
        return None
    first, last = median(rates[:third]), max(rates[-third:])
    if last > 0.4 * first:
        return None
    return (
        f"Training became slower: {first:,.0f} a second at first, {last:,.0f} at most at the end."
    )


def _late(layers: dict[str, Series]) -> dict[str, float]:
    """Of each layer the median of the second half after the first step; of three looks or more."""
    found = {}
    for name, series in layers.items():
        values = [value for step, value in series if step > 1]
        if len(values) >= 3:
            found[name] = median(values[len(values) // 2 :])
    return found


def _number(value: float) -> str:
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


RULES = (
    Rule(
        "first loss",
        "warning",
        first_loss,
        "Look at the targets' scale and the initial weights; below chance, check whether the "
        "answer is among the inputs.",
        ("init",),
        early=True,
    ),
    Rule(
        "rate too high",
        "warning",
        rate_too_high,
        "Divide the learning rate by ten, or warm it up.",
        ("optimizer.lr", "scheduler=warmup_cosine"),
        early=True,
    ),
    Rule(
        "best at first",
        "warning",
        best_first,
        "Divide the learning rate by ten, and see whether one batch can be learnt.",
        ("optimizer.lr", "trainer=overfit"),
    ),
    Rule(
        "rate too low",
        "warning",
        rate_too_low,
        "Multiply the learning rate by ten, until the loss begins to jump.",
        ("optimizer.lr",),
    ),
    Rule(
        "dead units",
        "warning",
        dead_units,
        "Choose a lower learning rate, other initial weights, or an activation that is nowhere "
        "flat.",
        ("optimizer.lr", "init=kaiming_normal", "net.activation=gelu"),
        early=True,
    ),
    Rule(
        "vanishing gradient",
        "warning",
        vanishing,
        "Choose another activation, other initial weights, or fewer layers.",
        ("net.activation=relu", "init=xavier_normal"),
    ),
    Rule(
        "exploding outputs",
        "warning",
        exploding,
        "Choose smaller initial weights, or a lower learning rate.",
        ("init=kaiming_normal", "optimizer.lr"),
        early=True,
    ),
    Rule(
        "class never predicted",
        "warning",
        never_predicted,
        "Weigh rare classes, train longer, or look at their rows.",
        ("task.class_weights=balanced",),
    ),
    Rule(
        "overfitting",
        "note",
        overfitting,
        "The best checkpoint is from before, and stopping there saves time; dropout, weight decay "
        "or more data may help.",
        ("callbacks=early_stopping", "net.dropout", "optimizer.weight_decay"),
    ),
    Rule(
        "still improving",
        "note",
        still_improving,
        "Go on: seedbed resume RUN with more epochs or steps.",
    ),
    Rule(
        "validation easier",
        "note",
        validation_easier,
        "Check that the parts are drawn alike and share no rows.",
    ),
    Rule(
        "slower",
        "note",
        slower,
        "Check what else the machine does, and whether it is too hot or out of memory.",
    ),
)
"""All ailments, warnings first."""
