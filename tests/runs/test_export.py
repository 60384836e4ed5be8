import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from fixtures import Command
from safetensors.torch import load_file

from seedbed.config.compose import composed, plain
from seedbed.errors import SeedbedError
from seedbed.nets.mlp import MLP
from seedbed.record.directory import RunDirectory
from seedbed.runs import export as module
from seedbed.runs.execute import execute
from seedbed.runs.export import export
from seedbed.runs.load import load


def session(folder: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])


def described(folder: Path, kind: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / f"model.{kind}.json").read_text("utf-8"))
    return content


# --- safetensors -------------------------------------------------------------------------------


def test_weights_are_the_checkpoints_and_fit_a_net_made_as_the_json_says(
    exam: RunDirectory, tmp_path: Path
) -> None:
    run = load(exam.path)
    export(run, "safetensors", tmp_path)
    settings = described(tmp_path, "safetensors")["net"]
    assert settings.pop("_target_") == "seedbed.nets.mlp.MLP"
    net = MLP(**settings)
    net.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert all(
        torch.equal(*pair) for pair in zip(net.parameters(), run.net.parameters(), strict=True)
    )


def test_json_tells_inputs_outputs_target_and_scaler(table: RunDirectory, tmp_path: Path) -> None:
    run = load(table.path)
    export(run, "safetensors", tmp_path)
    found = described(tmp_path, "safetensors")
    assert found["inputs"] == {"name": "inputs", "type": "float32", "shape": ["batch", 2]}
    assert found["outputs"] == {"name": "predictions", "type": "float32", "shape": ["batch", 1]}
    assert (found["task"], found["target"]) == ("regression", "y")
    mean, deviation = run.datamodule.state_dict()["scale"]["a"]
    assert found["scaler"]["a"] == {"mean": mean, "deviation": deviation}
    mean, deviation = run.datamodule.state_dict()["target_scale"]
    assert deviation > 1
    assert found["target_scaler"] == {"mean": mean, "deviation": deviation}


def test_json_tells_a_language_models_vocabulary(poems: RunDirectory, tmp_path: Path) -> None:
    run = load(poems.path)
    export(run, "safetensors", tmp_path)
    found = described(tmp_path, "safetensors")
    assert found["vocabulary"] == run.datamodule.vocabulary.characters
    assert found["inputs"] == {"name": "tokens", "type": "int64", "shape": ["batch", "length"]}
    assert found["longest"] == run.datamodule.context


def test_outputs_that_are_not_the_checkpoints_leave_nothing(
    exam: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(file: Path) -> dict[str, torch.Tensor]:
        return {name: weights + 1e-6 for name, weights in load_file(file).items()}

    monkeypatch.setattr("safetensors.torch.load_file", read)
    with pytest.raises(SeedbedError, match="from the checkpoint's, more than 0; nothing was"):
        export(load(exam.path), "safetensors", tmp_path)
    assert not [*tmp_path.iterdir()]


def test_missing_package_is_a_line_that_names_the_extra(
    seedbed: Command, exam: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    called = seedbed("export", exam.path, "--format", "onnx")
    assert called.status == 2
    assert called.err == (
        "onnx, onnxscript, onnxruntime not installed; get it with pip install '.[export]'.\n"
    )


def test_moved_run_is_exported_without_its_data_into_its_own_directory(
    seedbed: Command, exam: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(exam.path, tmp_path / "moved")
    monkeypatch.setattr("seedbed.config.compose.CONF", tmp_path / "none")
    monkeypatch.setattr("stubs.data.Marks.load", None)
    called = seedbed("export", tmp_path / "moved", "--format", "safetensors")
    file = tmp_path / "moved" / "export" / "model.safetensors"
    assert called.out == f"{file}: outputs within 0 of the checkpoint's (tolerance 0)\n"
    assert file.exists()


# --- ONNX: torch's exporter takes seconds to import -----------------------------------------------


@pytest.mark.slow
def test_onnx_of_images_gives_the_checkpoints_logits(digits: RunDirectory, tmp_path: Path) -> None:
    run = load(digits.path)
    found = export(run, "onnx", tmp_path)
    assert found["largest_difference"] <= found["tolerance"]
    inputs, _ = run.datamodule.splits.test
    [logits] = session(tmp_path).run(["logits"], {"inputs": inputs.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(logits, run.net(inputs).numpy(), atol=1e-4)


@pytest.mark.slow
def test_onnx_of_convolutions_is_the_checkpoints(tmp_path: Path) -> None:
    config = plain(composed(["experiment=glyphs", "net=cnn", "trainer=debug", "logger=csv"]))
    run = RunDirectory.create(tmp_path / "run", config)
    execute(run.path)
    found = export(load(run.path), "onnx", tmp_path)
    assert found["largest_difference"] <= found["tolerance"]


@pytest.mark.slow
def test_onnx_of_text_takes_any_length_up_to_the_context(
    poems: RunDirectory, tmp_path: Path
) -> None:
    run = load(poems.path)
    export(run, "onnx", tmp_path)
    opened = session(tmp_path)
    for length in (1, 7, run.datamodule.context):
        tokens = torch.arange(3 * length).view(3, length) % len(run.datamodule.vocabulary)
        [logits] = opened.run(["logits"], {"tokens": tokens.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(logits, run.net(tokens).numpy(), atol=1e-4)


@pytest.mark.slow
def test_command_exports_onnx_and_says_how_near_it_is(
    seedbed: Command, exam: RunDirectory, tmp_path: Path
) -> None:
    called = seedbed("export", exam.path, "--format", "onnx", "--out", tmp_path / "new", "--json")
    assert called.status == 0
    assert json.loads(called.out)["file"] == str(tmp_path / "new" / "model.onnx")
    assert described(tmp_path / "new", "onnx")["tolerance"] == 1e-4
