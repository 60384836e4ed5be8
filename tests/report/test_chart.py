"""Curves of which a value can be read."""

import math

import pytest

from seedbed.report.chart import Chart, Line, log_ticks, thinned, ticks


def falling(*values: float, **more: object) -> Chart:
    line = Line("loss", [*enumerate(values)], "#000")
    return Chart("Loss", [line], **more)  # type: ignore[arg-type]


def test_ends_of_a_line_are_at_the_ends_of_the_axis() -> None:
    [(_, path)] = falling(2.0, 1.0).paths
    assert path == "M0,37L1000,963"  # 4 % of room above and below


def test_far_apart_values_that_should_fall_are_on_a_logarithmic_scale() -> None:
    chart = falling(100.0, 10.0, 1.0, falls=True)
    assert chart.logarithmic
    assert chart.top(10.0) == pytest.approx(50)
    assert not falling(100.0, 1.0).logarithmic


def test_value_that_is_not_finite_is_left_out() -> None:
    chart = falling(2.0, math.nan, math.inf, 1.0)
    assert chart.data["lines"] == [["loss", [[0, 2.0], [3, 1.0]]]]


def test_line_of_one_point_is_a_dot() -> None:
    chart = falling(2.0)
    assert (chart.paths, len(chart.marks)) == ([], 1)


def test_alternative_text_has_each_lines_first_and_last_value() -> None:
    assert falling(2.0, 1.5, 1.0).alt == "Loss, training step 0 to 2: loss from 2 to 1."


def test_long_line_keeps_its_ends_and_its_extremes() -> None:
    points = [(float(x), math.sin(x / 50)) for x in range(10_000)]
    points[4321] = 4321.0, 9.0
    kept = thinned(points, 400)
    assert len(kept) <= 402
    assert {points[0], points[4321], points[-1]} <= {*kept}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (0, 20_000, [0, 5000, 10000, 15000, 20000]),
        (0.13, 0.31, [0.15, 0.2, 0.25, 0.3]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_axis_is_marked_at_round_numbers(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


def test_logarithmic_axis_is_marked_at_one_two_and_five_or_at_powers_of_ten() -> None:
    assert log_ticks(0, 1) == [1, 2, 5, 10]
    assert log_ticks(0, 5) == [1, 10, 100, 1000, 10_000, 100_000]
