"""A run's event files hold each tag that is promised, for each kind of task, and none twice."""

import struct
from collections import Counter
from pathlib import Path

import pytest
from lightning import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from made import executed, settings
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from torch import cat, nn, tensor

from seedbed.config.build import build
from seedbed.looks.board import Board
from seedbed.looks.diagnostics import is_look
from seedbed.record.checkpoint import load
from seedbed.record.directory import RunDirectory
from seedbed.record.files import read_log
from seedbed.runs.execute import execute

KINDS = {
    "dots": ("experiment=dots", "max_epochs=6"),
    "marks": ("experiment=marks", "max_epochs=3"),
    "glyphs": ("experiment=glyphs", "max_epochs=2", "net.hidden=[16]"),
    "rhymes": ("experiment=rhymes", "max_steps=30", "val_check_interval=10", "net.depth=1"),
}
HEADLINE = {"dots": "r2", "marks": "accuracy", "glyphs": "accuracy", "rhymes": "perplexity"}


def read(folder: Path) -> EventAccumulator:
    everything = {"tensors": 0, "histograms": 0, "images": 0}
    return EventAccumulator(str(folder / "tensorboard"), size_guidance=everything).Reload()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("boards")
    return {
        kind: executed(folder / kind, *overrides, "report=false").path
        for kind, overrides in KINDS.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_promised_tag_is_there(kind: str, runs: dict[str, Path]) -> None:
    events = read(runs[kind])
    scalars = {
        *("1_loss/train", "1_loss/val", "1_loss/batch", "3_learning_rate/batch"),
        *("5_memory/peak_mib", "6_gradient_norm/all", f"2_{HEADLINE[kind]}/val"),
        *("(best)/val/loss", "(best)/test/loss"),
    }
    assert scalars <= {*events.Tags()["scalars"]}
    assert any(tag.startswith("4_throughput/") for tag in events.Tags()["scalars"])
    assert events.Tags()["graph"]
    weights = {tag for tag in events.Tags()["histograms"] if tag.startswith("weights/")}
    gradients = {tag for tag in events.Tags()["histograms"] if tag.startswith("gradients/")}
    assert (
        {tag.partition("/")[2] for tag in weights}
        >= {tag.partition("/")[2] for tag in gradients}
        > set()
    )
    texts = {"config/text_summary"} | ({"sample/text_summary"} if kind == "rhymes" else set())
    assert texts <= {*events.Tags()["tensors"]}
    assert ("precision_recall/val" in events.Tags()["tensors"]) == (kind == "marks")
    assert {"_hparams_/session_start_info"} <= {*events.PluginTagToContent("hparams")}


@pytest.mark.parametrize("kind", KINDS)
def test_no_figure_stands_twice(kind: str, runs: dict[str, Path]) -> None:
    events = read(runs[kind])
    for name in events.Tags()["scalars"]:
        steps = Counter(event.step for event in events.Scalars(name))
        assert max(steps.values()) == 1, name
    curves = [
        tuple((event.step, event.value) for event in events.Scalars(name))
        for name in events.Tags()["scalars"]
        # A mean squared error may be the loss, and two groups of weights may share a rate.
        if not name.startswith(("7_", "8_", "3_learning_rate/embedding"))
    ]
    several = [curve for curve in curves if len(curve) > 2]
    assert len({*several}) == len(several)


def test_losses_of_training_and_validation_are_on_one_chart(runs: dict[str, Path]) -> None:
    events = read(runs["dots"])
    [event] = events.Tensors("custom_scalars__config__")
    layout = Layout.FromString(event.tensor_proto.string_val[0])
    chart = layout.category[0].chart[0]
    assert [*chart.multiline.tag] == ["1_loss/(train|val)$|(train|val)_loss(_epoch)?$"]


def test_histograms_are_over_time_under_one_tag(runs: dict[str, Path]) -> None:
    events = read(runs["dots"])
    assert [event.step for event in events.Histograms("weights/head.weight")] == [0, 1, 2, 3, 4, 6]
    assert [event.step for event in events.Histograms("gradients/head.weight")] == [1, 2, 3, 4, 6]


def test_looks_are_ever_farther_apart() -> None:
    assert [n for n in range(40) if is_look(n)] == [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32]


def test_characters_have_their_vectors_in_the_projector(runs: dict[str, Path]) -> None:
    folder = runs["rhymes"] / "tensorboard"
    config = (folder / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "characters.tsv"' in config
    vectors = (folder / "characters.tsv").read_text().splitlines()
    labels = (folder / "characters.labels.tsv").read_text().splitlines()
    assert len(vectors) == len(labels) > 10
    assert {len(row.split("\t")) for row in vectors} == {32}
    assert "END" in labels


def test_pictures_are_images_there(tmp_path: Path) -> None:
    run = executed(tmp_path / "run", *KINDS["dots"], "report=true")
    events = read(run.path)
    names = events.Tags()["images"]
    assert names
    for name in names:
        assert name.startswith("pictures/")
        png = events.Images(name)[0].encoded_image_string
        assert png[:4] == b"\x89PNG"
        assert struct.unpack(">II", png[16:24])[0] > 300


def test_diagnostics_show_what_moves_at_validations(runs: dict[str, Path], tmp_path: Path) -> None:
    run = executed(tmp_path / "run", *KINDS["dots"], "callbacks=diagnostics", "report=true")
    events = read(run.path)
    fits = events.Images("pictures/fit")
    assert [image.step for image in fits] == [0, 1, 2, 3, 4, 6, 6]  # and the best at the end
    assert len({image.encoded_image_string for image in fits[:6]}) == 6
    assert run.metrics() == RunDirectory(runs["dots"]).metrics()  # to look changes nothing
    for name in ("gradient_norm", "update_to_weight"):
        for layer in ("body.0", "head"):
            curve = events.Scalars(f"6_{name}/{layer}")
            assert [event.step for event in curve] == [1, 2, 3, 4, 5, 6]
    assert len(events.Scalars("6_activation_scale/head")) == 7
    layers = [event.value for event in events.Scalars("6_gradient_norm/head")]
    others = [event.value for event in events.Scalars("6_gradient_norm/body.0")]
    norms = [event.value for event in events.Scalars("6_gradient_norm/all")]
    total = [(a**2 + b**2) ** 0.5 for a, b in zip(layers, others, strict=True)]
    assert total == pytest.approx(norms, rel=1e-4)


def test_update_is_the_share_of_the_weights_that_one_step_changes(tmp_path: Path) -> None:
    typed = ("experiment=dots", "max_epochs=1", "logger=csv", "report=false")
    run = RunDirectory.create(tmp_path / "run", settings(*typed))
    start = build(run.config(), tmp_path).task.net.head.state_dict()
    execute(run.path)
    end = load(run.last)["state_dict"]
    before = cat([weight.flatten() for weight in start.values()])
    after = cat([end[f"net.head.{name}"].flatten() for name in start])
    logged = read_log(run.path, name="layers.csv")["update/head"]
    assert logged == [None, pytest.approx(float((after - before).norm() / before.norm()))]


def test_weights_too_huge_for_a_histogram_are_left_out_of_it(tmp_path: Path) -> None:
    net = nn.ParameterDict({"small": tensor([1.0, 2.0]), "huge": tensor([1e30, 1e30])})
    logger = TensorBoardLogger(str(tmp_path), name="", version="tensorboard")
    trainer = Trainer(accelerator="cpu", logger=logger, enable_checkpointing=False)
    task = LightningModule()
    task.net = net
    Board(directory=str(tmp_path)).on_train_end(trainer, task)
    logger.finalize("success")
    assert read(tmp_path).Tags()["histograms"] == ["weights/net.small"]


def test_pictures_are_drawn_while_they_stay_a_small_share_of_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("seedbed.looks.board.time.monotonic", lambda: clock[0])
    drawn: list[float] = []

    def draw(*_: object) -> None:
        drawn.append(clock[0])
        clock[0] += 3

    monkeypatch.setattr(Board, "draw", draw)
    board = Board(directory=str(tmp_path), drawing=0.01)
    trainer, module = Trainer(accelerator="cpu"), LightningModule()
    board.on_validation_end(trainer, module)  # before the fit
    board.on_train_start(trainer, module)
    for _ in range(60):
        clock[0] += 20
        board.on_validation_end(trainer, module)
    assert drawn == [200, 603, 906, 1209]  # 2 s are expected at first, 3 s after each


def test_parts_that_were_built_without_a_run_are_fitted_and_not_examined(tmp_path: Path) -> None:
    study = build(settings("max_epochs=1", "callbacks=diagnostics", "logger=csv"), tmp_path)
    study.trainer.fit(study.task, datamodule=study.datamodule)
    assert read_log(tmp_path, name="layers.csv")["update/body.0"]
    assert not [*tmp_path.glob("report*"), *tmp_path.glob("doctor*")]
