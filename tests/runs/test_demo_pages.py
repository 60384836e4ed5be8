"""What a demo's pages show, without a browser."""

import pytest
import torch
from fixtures import Command

from seedbed.demo import table
from seedbed.demo.drawing import curve, surface
from seedbed.demo.outputs import as_bars
from seedbed.record.directory import RunDirectory
from seedbed.runs.load import load


def test_prediction_is_the_nets_own(exam: RunDirectory) -> None:
    run = load(exam.path)
    names = [column.name for column in table.columns_of(run)]
    added, [cells] = table.predicted(run, names, [["6.5", "8"]])
    scale = torch.tensor([*run.datamodule.state_dict()["scale"].values()])
    inputs = (torch.tensor([[6.5, 8.0]]) - scale[:, 0]) / scale[:, 1]
    chance = run.net(inputs).sigmoid().item()
    assert as_bars(run, added, cells) == pytest.approx({"1": chance, "0": 1 - chance}, rel=1e-5)


def test_number_is_shown_as_what_is_predicted(line: RunDirectory) -> None:
    run = load(line.path)
    added, [cells] = table.predicted(run, ["x"], [["2"]])
    assert as_bars(run, added, cells) == f"{run.net(torch.tensor([[2.0]])).item():.4g}"


def test_surface_has_its_mark_and_says_what_it_shows() -> None:
    shown = surface([[0.0, 1.0], [0.0, 1.0]], [("a", (0, 4)), ("<b>", (0, 2))], [1, 0.5], [], "y")
    assert 'style="left:25.00%;top:75.00%"' in shown
    assert 'alt="y over a and &lt;b&gt;: y from 0 to 1"' in shown


def test_classes_of_a_surface_are_named() -> None:
    shown = surface([[0, 2]], [("a", (0, 1)), ("b", (0, 1))], [0, 0], ["red", "green", "blue"], "y")
    assert "red" in shown
    assert "blue" in shown
    assert "green" not in shown


def test_curve_has_its_mark_where_the_slider_is() -> None:
    shown = curve("x", "y", [(0, 0), (10, 1)], [], (5, 0.5))
    assert 'style="left:50.00%;top:50.00%"' in shown


def test_runs_with_other_inputs_have_no_page_together(
    exam: RunDirectory, poems: RunDirectory, seedbed: Command
) -> None:
    called = seedbed("demo", exam.path, poems.path)
    assert called.status == 2
    assert "expected inputs like those of" in called.err


def test_missing_package_is_named(
    exam: RunDirectory, seedbed: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.demo.serve.find_spec", lambda name: None)
    called = seedbed("demo", exam.path)
    assert (called.status, "pip install '.[demo]'" in called.err) == (2, True)
