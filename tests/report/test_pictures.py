"""What pictures make of numbers, short of their looks."""

import math
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fixtures import MakeRun
from matplotlib.axes import Axes
from PIL import Image

from seedbed.record.run import find_runs
from seedbed.report.comparison import compare
from seedbed.report.effects import measured
from seedbed.report.picture import Picture
from seedbed.report.scales import spans, view
from seedbed.report.style import COLOURS, GREY, colours, drawing, panels, spread, text


def test_divergent_run_does_not_stretch_the_view(make_run: MakeRun, tmp_path: Path) -> None:
    make_run("0", [90, 10])
    make_run("1", [100, 1e30, math.inf], optimizer={"lr": 1.0}, state="failed")
    assert view(compare(find_runs([tmp_path]))) == (-math.inf, 100 + (100 - 10))


def test_view_of_a_metric_that_should_rise_is_bounded_below(
    make_run: MakeRun, tmp_path: Path
) -> None:
    make_run("0", [0.1, 0.9, -1e30], mode="max")
    low, high = view(compare(find_runs([tmp_path])))
    assert (low, high) == (pytest.approx(0.1 - 0.8), math.inf)


def test_unfinished_and_far_off_runs_are_of_no_weight_in_effects(
    make_run: MakeRun, tmp_path: Path
) -> None:
    make_run("0", [90, 10])
    make_run("1", [90, 5], optimizer={"lr": 0.1}, state="failed")
    far = make_run("2", [90, 80], optimizer={"lr": 1.0})
    (far / "metrics.json").write_text('{"val/loss": 1e20}')
    assert measured(compare(find_runs([tmp_path]))) == [10, None, None]


@pytest.mark.parametrize(
    ("values", "wide"), [([1, 20], True), ([1, 19], False), ([0, 99], False), ([], False)]
)
def test_only_positive_values_far_apart_want_a_logarithm(values: list[float], wide: bool) -> None:
    assert spans(values, 20) == wide


def test_labels_are_moved_apart_around_where_they_would_collide() -> None:
    assert spread([0.2, 0.5, 0.5, 0.9], 0.1) == pytest.approx([0.2, 0.45, 0.55, 0.9])


def test_labels_are_kept_within_the_picture() -> None:
    assert spread([0.0, 0.0, 0.05], 0.1) == pytest.approx([0.0, 0.1, 0.2])
    assert spread([0.98, 1.0], 0.1) == pytest.approx([0.9, 1.0])


def test_characters_no_font_has_become_codes_and_formulas_stay_text() -> None:
    with drawing():
        assert text("a \U0010fffe $x$") == r"a \U0010fffe \$x\$"


@pytest.mark.parametrize("words", ["0.83", "two\nlines", "春"])
def test_letters_stand_where_matplotlib_writes_them(words: str) -> None:
    with drawing():
        from seedbed.report.lettering import write

        edges = []
        for pen in (write, Axes.text):
            figure, [axes] = panels([2])
            axes.set_axis_off()
            pen(axes, 0.5, 0.5, words, ha="center", va="center", fontsize=30)
            picture = Image.open(BytesIO(Picture("", "", "", figure).png)).convert("L")
            ink = np.argwhere(np.asarray(picture) < 128)
            edges.append([*ink.min(0), *ink.max(0)])
    tenth = 0.1 * 30 / 72 * 150  # Matplotlib centres a line with the room below it
    assert edges[0] == pytest.approx(edges[1], abs=tenth + 1)


def test_of_many_groups_the_ten_best_have_colours(make_run: MakeRun, tmp_path: Path) -> None:
    for number in range(12):
        make_run(str(number), [number + 1.0], prompt=f"p{number}")
    found = colours(compare(find_runs([tmp_path])))
    assert [found[f"prompt=p{n}"] for n in range(12)] == [*COLOURS, GREY, GREY]


def test_colours_follow_a_number_where_it_alone_differs(make_run: MakeRun, tmp_path: Path) -> None:
    for number, rate in enumerate((1.0, 0.01, 0.1)):
        make_run(str(number), [2.0], optimizer={"lr": rate})
    found = colours(compare(find_runs([tmp_path])))
    green = [int(found[f"lr={rate}"][3:5], 16) for rate in ("0.01", "0.1", "1")]
    assert green == sorted(green)


def test_pictures_need_no_backend_of_a_notebook(tmp_path: Path) -> None:
    code = f"""
from seedbed.report.style import drawing, new_figure
with drawing():
    new_figure(1, 1).savefig("{tmp_path}/a.png")
"""
    environment = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert (tmp_path / "a.png").exists()
