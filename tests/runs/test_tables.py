"""A table of anyone's from the command to predictions, in the file's own labels."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures import Command
from made import executed

from seedbed.errors import RunError
from seedbed.record.directory import RunDirectory
from seedbed.runs.export import export
from seedbed.runs.load import load
from seedbed.runs.predict import predict


def fitted(folder: Path, text: str, *settings: str) -> RunDirectory:
    (path := folder / "my table.csv").write_text(text, encoding="utf-8")
    given = ("experiment=table", f'data.path="{path}"', "max_epochs=3", "logger=csv")
    return executed(folder / "run", *given, *settings)


def flowers() -> str:
    """Three species, by two numbers, a colour with gaps and a date; `;` and `,`."""
    random = np.random.default_rng(0)
    lines = ["length;width;colour;seen;species"]
    for row in range(90):
        k = row % 3
        length, width = (f"{k + random.normal(0, 0.1):.2f}".replace(".", ",") for _ in range(2))
        colour = ("red", "blue", "")[int(random.integers(3))]
        lines.append(f"{length};{width};{colour};2026-03-{row % 28 + 1:02};iris {'abc'[k]}")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("flowers")
    return fitted(folder, flowers(), "task=multiclass", "data.target=species", "optimizer.lr=0.03")


def test_opening_lines_say_what_is_used(run: RunDirectory) -> None:
    said = (run.path / "train.log").read_text(encoding="utf-8")
    assert "read as: ';' between cells, ',' in numbers" in said
    assert "4 columns: 2 numbers, 1 category, 1 date; " in said
    assert "classes: iris a 30, iris b 30, iris c 30" in said


def test_run_is_named_after_its_file(run: RunDirectory) -> None:
    assert run.config()["experiment_name"] == "my_table"


def test_confusion_matrix_and_predictions_have_the_files_labels(
    run: RunDirectory, tmp_path: Path
) -> None:
    labels = ["iris a", "iris b", "iris c"]
    with (run.path / "confusion.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["true", *(f"predicted_{label}" for label in labels)]
    assert [row[0] for row in rows] == labels
    (new := tmp_path / "new.csv").write_text(
        "colour,seen,width,length\nred,2026-05-01,0.1,0\ngreen,,2,2.1\n"
    )
    header, *found = (list(row) for row in predict(load(run.path), new))
    assert header[4:] == ["class", *(f"probability_{label}" for label in labels)]
    assert [row[4] for row in found] == ["iris a", "iris c"]


def test_export_tells_columns_and_labels(run: RunDirectory, tmp_path: Path) -> None:
    metadata = export(load(run.path), "safetensors", tmp_path)
    assert [column["kind"] for column in metadata["columns"]] == [
        *("number", "number", "category", "date"),
    ]
    assert metadata["labels"] == ["iris a", "iris b", "iris c"]


# --- a category of many levels --------------------------------------------------------------------

SHOPS = 300


def sales() -> str:
    """Each of 300 shops sells as much as its own number says, and the weather changes it."""
    random = np.random.default_rng(0)
    known = random.normal(size=SHOPS)
    lines = ["shop,weather,sold"]
    for row in range(10 * SHOPS):
        warm = random.normal()
        sold = known[row % SHOPS] + 0.3 * warm + 0.3 * random.normal()
        lines.append(f"shop {row % SHOPS},{warm:.3f},{sold:.3f}")
    return "\n".join(lines)


BRIEFLY = ("data.target=sold", "data.batch_size=128", "optimizer.lr=0.02", "max_epochs=15")


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return fitted(tmp_path_factory.mktemp("shops"), sales(), *BRIEFLY)


def test_embedded_category_tells_what_no_other_column_does(
    shops: RunDirectory, tmp_path: Path
) -> None:
    assert "2 columns: 1 number, 1 embedded (300 levels); target sold" in (
        shops.path / "train.log"
    ).read_text(encoding="utf-8")
    without = fitted(tmp_path, sales(), *BRIEFLY, "data.drop=[shop]")
    assert without.metrics()["test/r2"] < 0.2
    assert shops.metrics()["test/r2"] > 0.7


def test_unseen_level_is_predicted_as_none_in_particular(
    shops: RunDirectory, tmp_path: Path
) -> None:
    (new := tmp_path / "new.csv").write_text("weather,shop\n0,shop 7\n0,shop 8\n0,new\n0,\n")
    _, *rows = predict(load(shops.path), new)
    *known, unseen, gap = (float(str(row[-1])) for row in rows)
    assert abs(known[0] - known[1]) > 0.1
    assert unseen == gap
    assert abs(unseen) < 0.5


@pytest.mark.slow  # torch's exporter takes seconds to import
def test_exported_embeddings_give_what_the_run_predicts(
    shops: RunDirectory, tmp_path: Path
) -> None:
    import onnxruntime

    run = load(shops.path)
    metadata = export(run, "onnx", tmp_path)
    [levels] = [column["levels"] for column in metadata["columns"] if column["kind"] == "embedded"]
    inputs = np.array([[0.5, 1 + levels.index("shop 7")], [0.5, 0]], dtype=np.float32)
    [found] = onnxruntime.InferenceSession(tmp_path / "model.onnx").run(None, {"inputs": inputs})
    np.testing.assert_allclose(found, run.net(torch.from_numpy(inputs)).detach(), atol=1e-5)
    assert export(run, "safetensors", tmp_path)["embedded"] == [SHOPS]


def test_embeddings_that_are_resumed_are_those_of_a_whole_fit(
    tmp_path: Path, seedbed: Command
) -> None:
    shorter = fitted(tmp_path, sales(), *BRIEFLY, "max_epochs=1")
    called = seedbed("resume", shorter.path, "max_epochs=2")
    assert (called.status, called.err) == (0, "")
    (tmp_path / "whole").mkdir()
    whole = fitted(tmp_path / "whole", sales(), *BRIEFLY, "max_epochs=2")
    one, other = (load(run.path, "last").net.state_dict() for run in (shorter, whole))
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_weights_of_other_levels_are_refused_unless_vectors_begin_anew(
    shops: RunDirectory, tmp_path: Path
) -> None:
    more = [f"weights={shops.path}", "max_epochs=1"]
    with pytest.raises(RunError, match=r"other levels .* weights_skip=\[column_embeddings\]"):
        fitted(tmp_path, sales().replace("shop 7,", "shop x,"), *BRIEFLY, *more)
    (tmp_path / "anew").mkdir()
    anew = fitted(
        tmp_path / "anew",
        sales().replace("shop 7,", "shop x,"),
        *(*BRIEFLY, *more, "weights_skip=[column_embeddings]"),
    )
    assert anew.status()["state"] == "finished"


def test_two_classes_are_predicted_by_their_labels(tmp_path: Path) -> None:
    text = "x,sick\n" + "".join(
        f"{row % 10},{'yes' if row % 10 > 4 else 'no'}\n" for row in range(80)
    )
    run = fitted(tmp_path, text, "task=binary", "data.target=sick", "optimizer.lr=0.03")
    (new := tmp_path / "new.csv").write_text("x\n0\n9\n")
    header, *rows = predict(load(run.path), new)
    assert [*header] == ["x", "probability_yes", "class"]
    assert [row[2] for row in rows] == ["no", "yes"]


def test_interrupted_table_goes_on_where_it_was(run: RunDirectory, seedbed: Command) -> None:
    called = seedbed("resume", run.path, "max_epochs=4")
    assert (called.status, called.err) == (0, "")
