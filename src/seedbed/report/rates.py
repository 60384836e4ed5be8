"""`rates.png`: the loss of a short fit over its rising learning rate."""

from collections.abc import Sequence
from pathlib import Path

from seedbed.report.scales import set_log, spans
from seedbed.report.style import COLOURS, GREY, INK, new_figure, text


def draw_rates(
    rates: Sequence[float],
    losses: Sequence[float],
    file: Path,
    *,
    title: str,
    own: float,
    suggestion: float | None,
    span: tuple[float, float],
) -> None:
    """Draw the picture.

    Args:
        rates: The rates.
        losses: The loss at each.
        file: Where to.
        title: Whose they are.
        own: The study's rate.
        suggestion: The rate that is suggested, if one is.
        span: Its range.
    """
    picture = new_figure(8, 4.5)
    axes = picture.add_subplot()
    if suggestion is not None:
        axes.axvspan(*span, color=GREY, alpha=0.35)
        axes.axvline(suggestion, color=COLOURS[2])
    axes.axvline(own, color=INK, linestyle=":")
    axes.plot(rates, losses, color=COLOURS[0])
    low, high = min(losses), min(max(losses), 2 * max(losses[0], min(losses) + 1e-12))
    if spans([low, high], 20):
        set_log(axes, "y", low / 1.1, high * 1.1)
    else:
        room = 0.05 * ((high - low) or 1.0)
        axes.set_ylim(low - room, high + room)
    set_log(axes, "x", min(rates), max(rates))
    axes.set(xlabel="learning rate", ylabel="training loss, smoothed")
    found = "" if suggestion is None else f"; suggested {suggestion:.1g} (grey: its range)"
    axes.set_title(text(f"{title}: own rate {own:g} (dotted){found}"))
    picture.savefig(file)
