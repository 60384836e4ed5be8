"""The fitted polynomial as a formula, where the net is one."""

from collections.abc import Sequence

from lightning import Callback, LightningModule, Trainer

from seedbed.loggers import boards
from seedbed.terminal import log
from studies.points.polynomial import Polynomial

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Equation(Callback):
    """Logs `y = a + b x + c x² + …` of the weights that were tested, in TensorBoard too."""

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write a line for each output."""
        net = pl_module.net
        if not (isinstance(net, Polynomial) and trainer.is_global_zero):
            return
        lines = [equation(coefficients) for coefficients in net.coefficients.tolist()]
        log.info("\n" + "\n".join(lines))
        for board in boards(trainer):
            board.add_text("equation", "  \n".join(lines), trainer.global_step)


def equation(coefficients: Sequence[float]) -> str:
    """A polynomial from its coefficients, the lowest power first, with four digits of each."""
    constant, *others = coefficients
    terms = [f"y = {constant:.4g}"]
    for power, coefficient in enumerate(others, start=1):
        exponent = "" if power == 1 else str(power).translate(SUPERSCRIPTS)
        terms.append(f"{'-' if coefficient < 0 else '+'} {abs(coefficient):.4g} x{exponent}")
    return " ".join(terms)
