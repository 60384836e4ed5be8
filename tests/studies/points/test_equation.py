from pathlib import Path

import made
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seedbed.record.directory import RunDirectory
from studies.points.polynomial import Polynomial, equation


def executed(folder: Path, *overrides: str) -> RunDirectory:
    return made.executed(folder, "max_epochs=2", "data.held_out=8", *overrides)


@pytest.mark.parametrize(
    ("coefficients", "expected"),
    [
        ([1.0, 2.0, 3.0, 4.0], "y = 1 + 2 x + 3 x² + 4 x³"),
        ([-0.5, -1.25, 0.0, -3.0], "y = -0.5 - 1.25 x + 0 x² - 3 x³"),
        ([0.000123456, 0.856789], "y = 0.0001235 + 0.8568 x"),
        ([0.0] * 10 + [1.0, -2e-7], "y = 0 + 0 x + 0 x² + 0 x³ + 0 x⁴ + 0 x⁵ + 0 x⁶ + 0 x⁷"
         " + 0 x⁸ + 0 x⁹ + 1 x¹⁰ - 2e-07 x¹¹"),
    ],
)  # fmt: skip
def test_equation_is_written_from_the_lowest_power(
    coefficients: list[float], expected: str
) -> None:
    assert equation(coefficients) == expected


def test_equation_of_the_best_weights_ends_the_log_and_is_in_tensorboard(
    tmp_path: Path,
) -> None:
    run = executed(tmp_path, "experiment=sine", "data.points=50")
    net = Polynomial(inputs=1, outputs=1)
    weights = torch.load(run.best, weights_only=True)["state_dict"]
    net.load_state_dict({name.removeprefix("net."): w for name, w in weights.items()})
    expected = equation(net.coefficients[0].tolist())

    lines = run.log_file.read_text(encoding="utf-8").splitlines()
    [(number, line)] = [(n, line) for n, line in enumerate(lines) if "y = " in line]
    assert line.endswith(expected)
    assert number < len(lines) - 1
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    [shown] = events.Tensors("Polynomial/text_summary")
    assert shown.tensor_proto.string_val == [expected.encode()]


def test_other_nets_have_no_equation(tmp_path: Path) -> None:
    run = executed(tmp_path, "experiment=line")
    assert "y = " not in run.log_file.read_text(encoding="utf-8")
