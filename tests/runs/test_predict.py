import csv
import io
import os
import shutil
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from fixtures import Command
from PIL import Image

from seedbed.errors import DataError, RunError
from seedbed.record.directory import RunDirectory
from seedbed.runs.load import LoadedRun, load
from seedbed.runs.predict import predict


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "students.csv"
    path.write_text('name,sleep,study\nAnn,8,9.5\n\n"Bob, Jr",4.5,1\n', encoding="utf-8")
    return path


def logits_of(run: LoadedRun, *rows: tuple[float, float]) -> torch.Tensor:
    """The net's own outputs for hours of study and sleep, scaled by hand."""
    scale = torch.tensor([*run.datamodule.state_dict()["scale"].values()])
    inputs = (torch.tensor(rows) - scale[:, 0]) / scale[:, 1]
    with torch.no_grad():
        return run.net(inputs.float())[:, 0]


class Fixed(torch.nn.Module):
    """Gives these outputs, whatever the inputs."""

    def __init__(self, outputs: torch.Tensor) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.outputs


# --- tables ---------------------------------------------------------------------------------------


def test_classifier_adds_probability_and_class_to_every_row(
    exam: RunDirectory, source: Path
) -> None:
    run = load(exam.path)
    header, ann, bob = predict(run, source)
    assert header == ["name", "sleep", "study", "probability", "class"]
    assert (ann[:3], bob[:3]) == (["Ann", "8", "9.5"], ["Bob, Jr", "4.5", "1"])
    chances = logits_of(run, (9.5, 8), (1, 4.5)).sigmoid().tolist()
    assert [float(ann[3]), float(bob[3])] == pytest.approx(chances, rel=1e-5)
    assert [ann[4], bob[4]] == [int(chance > 0.5) for chance in chances]


def test_dash_reads_the_rows_from_standard_input(
    exam: RunDirectory, source: Path, seedbed: Command
) -> None:
    usual = os.dup(0)
    try:
        with source.open() as rows:
            os.dup2(rows.fileno(), 0)
        called = seedbed("predict", exam.path, "-")
    finally:
        os.dup2(usual, 0)
        os.close(usual)
    assert (called.status, called.err) == (0, "")
    assert called.out.startswith("name,sleep,study,probability,class\nAnn,8,9.5,")


def test_regression_adds_the_value(table: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("b,a\n1,3\n0,8\n")
    header, *rows = predict(load(table.path), tmp_path / "new.csv")
    assert header == ["b", "a", "prediction"]
    assert [float(row[2]) for row in rows] == pytest.approx([5, 16], abs=0.5)


def test_target_may_be_there_and_is_not_read(table: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("a,b,y\n1,3,unknown\n")
    assert predict(load(table.path), tmp_path / "new.csv")[0] == ["a", "b", "y", "prediction"]


def test_points_have_one_column_x(line: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("x\n0\n2\n")
    run = load(line.path)
    _, *rows = predict(run, tmp_path / "new.csv")
    with torch.no_grad():
        expected = run.net(torch.tensor([[0.0], [2.0]]))[:, 0].tolist()
    assert [float(row[1]) for row in rows] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study,slepe\n1,2\n", "row 1: no column 'sleep'; did you mean slepe"),
        ("study,sleep\n1,8\n2,much\n", "row 3, column 'sleep': expected a finite number"),
        ("study,sleep\n1,8,9\n", "row 2: expected 2 cells, as in the header, got 3"),
        ("study,sleep,class\n1,8,9\n", "row 1: a column 'class' would be added; rename yours"),
        ("study,sleep\n", "expected rows of numbers below the header"),
    ],
)
def test_file_that_cannot_be_used_is_explained(
    text: str, message: str, exam: RunDirectory, source: Path
) -> None:
    source.write_text(text)
    with pytest.raises(DataError, match=message):
        predict(load(exam.path), source)


def test_language_model_predicts_no_rows(poems: RunDirectory, source: Path) -> None:
    with pytest.raises(RunError, match="its task is language, which predicts no rows"):
        predict(load(poems.path), source)


# --- images ---------------------------------------------------------------------------------------


@pytest.fixture
def images(digits: RunDirectory, tmp_path: Path) -> list[int]:
    """Forty of the test's images as files, and what they are."""
    pictures, labels = load(digits.path).datamodule.splits.test
    (tmp_path / "drawn").mkdir()
    for number, picture in enumerate(pictures[:40]):
        pixels = (255 * picture[0]).round().to(torch.uint8).numpy()
        Image.fromarray(pixels).save(tmp_path / "drawn" / f"{number:02}.png")
    return labels[:40].tolist()


def test_image_gets_a_class_and_a_probability_of_each(
    digits: RunDirectory, images: list[int], tmp_path: Path
) -> None:
    header, *rows = predict(load(digits.path), tmp_path / "drawn")
    assert header == ["file", "class", *(f"probability_{k}" for k in range(10))]
    assert [row[0] for row in rows] == [f"{number:02}.png" for number in range(40)]
    assert np.mean([row[1] == label for row, label in zip(rows, images, strict=True)]) > 0.8
    for row in rows:
        chances = [*map(float, row[2:])]
        assert sum(chances) == pytest.approx(1, abs=1e-5)
        assert row[1] == int(np.argmax(chances))


def test_one_image_is_read_alone(digits: RunDirectory, images: list[int], tmp_path: Path) -> None:
    run = load(digits.path)
    together = predict(run, tmp_path / "drawn")
    [_, alone] = predict(run, tmp_path / "drawn" / "03.png")
    assert alone[:2] == together[4][:2]


# --- the command ----------------------------------------------------------------------------------


def test_command_prints_csv(seedbed: Command, exam: RunDirectory, source: Path) -> None:
    called = seedbed("predict", exam.path, source)
    assert (called.status, called.err) == (0, "")
    expected = [[*map(str, row)] for row in predict(load(exam.path), source)]
    assert [*csv.reader(io.StringIO(called.out))] == expected
    assert seedbed("predict", exam.path, source, "--out", "-").out == called.out


def test_command_writes_a_file_which_may_be_its_input(
    seedbed: Command, exam: RunDirectory, source: Path
) -> None:
    printed = seedbed("predict", exam.path, source).out
    assert seedbed("predict", exam.path, source, "--out", source).out == ""
    assert source.read_text() == printed


def test_command_reads_a_pipe(exam: RunDirectory, source: Path, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    writer = Thread(target=pipe.write_bytes, args=[source.read_bytes()])
    writer.start()
    piped = predict(load(exam.path), pipe)
    writer.join()
    assert piped == predict(load(exam.path), source)


def test_nothing_is_written_where_the_input_is_wrong(
    seedbed: Command, exam: RunDirectory, source: Path, tmp_path: Path
) -> None:
    source.write_text("study,sleep\n1,8\nx,8\n")
    called = seedbed("predict", exam.path, source, "--out", tmp_path / "out.csv")
    assert called.status == 2
    assert f"{source}, row 3, column 'study'" in called.err
    assert not (tmp_path / "out.csv").exists()


def test_link_is_followed_and_a_device_stays_one(
    seedbed: Command, exam: RunDirectory, source: Path, tmp_path: Path
) -> None:
    link, real = tmp_path / "link.csv", tmp_path / "real.csv"
    link.symlink_to(real)
    seedbed("predict", exam.path, source, "--out", link)
    assert (link.is_symlink(), real.read_text().splitlines()[0][:4]) == (True, "name")
    assert seedbed("predict", exam.path, source, "--out", os.devnull).status == 0
    assert Path(os.devnull).is_char_device()


def test_moved_run_predicts_without_its_data(
    seedbed: Command, exam: RunDirectory, source: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    expected = seedbed("predict", exam.path, source).out
    shutil.copytree(exam.path, tmp_path / "moved")
    monkeypatch.setattr("seedbed.config.compose.CONF", tmp_path / "none")
    monkeypatch.setattr("stubs.data.Marks.load", None)
    assert seedbed("predict", tmp_path / "moved", source).out == expected
