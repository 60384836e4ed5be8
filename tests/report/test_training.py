"""The picture of how a fit went shows what its log holds."""

import csv
from pathlib import Path
from typing import Any

import pytest
from fixtures import MakeRun
from made import rows_of

from seedbed.record.run import read_run
from seedbed.report.picture import Picture, pictures_of, save
from seedbed.report.view import View


def seen(folder: Path, task: Any = None) -> View:
    return View(read_run(folder), task, None)


def with_columns(folder: Path, **columns: list[float]) -> None:
    rows = rows_of(folder / "metrics.csv")
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name.replace("__", "/")] = str(value)
    with (folder / "metrics.csv").open("w") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)


def points(picture: Picture, label: str) -> list[tuple[float, float]]:
    """A line's, by how its label begins."""
    lines = (line for axes in picture.figure.axes for line in axes.lines)
    [line] = [line for line in lines if str(line.get_label()).startswith(label)]
    return [(x, y) for x, y in line.get_xydata().tolist()]


def test_losses_are_those_of_the_log(make_run: MakeRun) -> None:
    [picture] = pictures_of(seen(make_run("0", [90, 3, 2])))
    assert points(picture, "training") == [(1, 1.5), (2, 1)]
    assert points(picture, "validation") == [(0, 90), (1, 3), (2, 2)]
    assert "validation loss from 90.0000 to 2.0000" in picture.alt


def test_best_validation_is_marked_where_its_checkpoint_is(make_run: MakeRun) -> None:
    folder = make_run("0", [90, 2, 3])
    (folder / "metrics.json").write_text('{"step": 1, "val/loss": 2}')
    [picture] = pictures_of(seen(folder))
    assert points(picture, "best: 2.0000 at step 1") == [(1, 2)]


@pytest.mark.parametrize(("most", "marked"), [(10, ["stopped early"]), (2, [])])
def test_stop_before_the_last_step_is_marked(
    make_run: MakeRun, most: int, marked: list[str]
) -> None:
    [picture] = pictures_of(seen(make_run("0", [90, 3, 2], max_steps=most)))
    labels = [str(line.get_label()) for line in picture.figure.axes[0].lines]
    assert [label for label in labels if label.startswith("stopped")] == marked


def test_rate_that_changes_and_gradient_norms_have_panels_below(make_run: MakeRun) -> None:
    folder = make_run("0", [90, 3, 2])
    with_columns(folder, learning_rate=[1, 0.5, 0.1], train__gradient_norm=[9, 8, 7])
    [picture] = pictures_of(seen(folder))
    _, rate, norm = picture.figure.axes
    assert rate.lines[0].get_ydata().tolist() == [1, 0.5, 0.1]  # type: ignore[union-attr]
    assert norm.lines[0].get_ydata().tolist() == [9, 8, 7]  # type: ignore[union-attr]


def test_rates_of_single_batches_show_what_lies_between_validations(make_run: MakeRun) -> None:
    folder = make_run("0", [90, 3])
    (folder / "batches.csv").write_text(
        "step,loss,learning_rate\n1,9,0.1\n2,8,0.2\n3,7,0.2\n4,6,0.1\n5,5,0\n"
    )
    [picture] = pictures_of(seen(folder))
    _, rate = picture.figure.axes
    assert rate.lines[0].get_ydata().tolist() == [0.1, 0.2, 0.2, 0.1, 0]  # type: ignore[union-attr]
    assert points(picture, "single batches") == [(1, 9), (2, 8), (3, 7), (4, 6), (5, 5)]


class Own:
    """A task with pictures of its own."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def pictures(self, view: View) -> Any:
        for name in self.names:
            if name == "wrong":
                raise ZeroDivisionError(name)
            yield Picture(name, "Own", "Nothing.", None)  # type: ignore[arg-type]


def test_task_adds_pictures_of_its_own_and_replaces_the_frames(make_run: MakeRun) -> None:
    found = pictures_of(seen(make_run("0", [90, 3]), Own("training", "more")))
    assert [(picture.name, picture.title) for picture in found] == [
        ("training", "Own"),
        ("more", "Own"),
    ]


def test_picture_that_fails_is_left_out_and_named(
    make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    found = pictures_of(seen(make_run("0", [90, 3]), Own("wrong")))
    assert [picture.name for picture in found] == ["training"]
    assert "pictures: not drawn (ZeroDivisionError: wrong)" in capsys.readouterr().out


def test_run_without_a_log_has_no_picture(make_run: MakeRun) -> None:
    folder = make_run("0", [90])
    (folder / "metrics.csv").unlink()
    assert pictures_of(seen(folder)) == []


def test_pictures_are_saved_by_their_names(make_run: MakeRun, tmp_path: Path) -> None:
    [file] = save(pictures_of(seen(make_run("0", [90, 3]))), tmp_path / "out")
    assert file == tmp_path / "out" / "training.png"
    assert file.read_bytes().startswith(b"\x89PNG")


def test_layers_are_those_of_their_log(make_run: MakeRun) -> None:
    folder = make_run("0", [90, 3, 2])
    (folder / "layers.csv").write_text(
        "step,gradient/body.0,gradient/head,update/head\n0,,,\n1,4,0.5,0.1\n2,2,0.25,0.2\n"
    )
    [_, picture] = pictures_of(seen(folder))
    gradient, update = picture.figure.axes
    assert [line.get_label() for line in gradient.lines] == ["body.0", "head"]
    assert [line.get_ydata().tolist() for line in gradient.lines] == [[4, 2], [0.5, 0.25]]  # type: ignore[union-attr]
    assert update.lines[0].get_ydata().tolist() == [0.1, 0.2]  # type: ignore[union-attr]
    assert "0.25 at the least, of head, and 2 at the most, of body.0" in picture.alt
