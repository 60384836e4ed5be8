import os
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.accelerators import CUDAAccelerator
from made import settings
from stubs.data import Dots

from seedbed.config.build import build, build_data, build_optimizer, build_task
from seedbed.config.checks import check
from seedbed.data.tokens import TokensDataModule
from seedbed.errors import SettingError
from seedbed.runs.validate import check_layout, laid_out

VERSE = ("data=rhymes", "data.poems=60", "data.context=8", "task=language")


@pytest.mark.parametrize("net", ["transformer_decoder"])
def test_width_that_a_net_refuses_is_a_wrong_setting(net: str, tmp_path: Path) -> None:
    config = settings(*VERSE, f"net={net}", "net.heads=3")
    with pytest.raises(SettingError, match="width=64 cannot be shared among heads=3"):
        build(config, tmp_path)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "momentum", "muon", "lamb"])
def test_state_that_was_saved_in_other_strides_goes_on_as_it_was(optimizer: str) -> None:
    config = settings("data=glyphs", "task=multiclass", "net=cnn", f"optimizer={optimizer}")
    net = build_task(config, build_data(config).sizes).net
    first, second = build_optimizer(config, net), build_optimizer(config, net)
    for parameter in net.parameters():
        parameter.grad = torch.randn_like(parameter)
    first.step()
    saved = deepcopy(first.state_dict())
    for state in saved["state"].values():
        state |= {k: v.contiguous() for k, v in state.items() if torch.is_tensor(v)}
    second.load_state_dict(saved)
    start = [parameter.clone() for parameter in net.parameters()]
    first.step()
    expected = [parameter.clone() for parameter in net.parameters()]
    for parameter, before in zip(net.parameters(), start, strict=True):
        parameter.data.copy_(before)
    second.step()
    assert all(map(torch.equal, net.parameters(), expected))
    assert not all(map(torch.equal, start, expected))


@pytest.mark.parametrize("net", ["mlp", "cnn"])
def test_net_is_made_from_those_of_the_datas_sizes_that_it_asks_for(net: str) -> None:
    config = settings("data=glyphs", "task=multiclass", f"net={net}")
    datamodule = build_data(config)
    task = build_task(config, datamodule.sizes)
    assert task.net(datamodule.splits.test[0]).shape == (359, 10)


def test_value_that_is_refused_as_data_is_loaded_is_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(data: Dots) -> Any:
        raise ValueError("not with this value")

    monkeypatch.setattr(Dots, "load", load)
    with pytest.raises(SettingError, match=r"^stubs\.data\.Dots: not with this value$"):
        build(settings(), tmp_path)


def test_interval_longer_than_an_epoch_is_a_wrong_setting(tmp_path: Path) -> None:
    longer = ["data.batch_size=20", "val_check_interval=6"]  # of 100 points
    with pytest.raises(SettingError) as caught:
        build(settings(*longer), tmp_path)
    assert str(caught.value) == (
        "val_check_interval=6: an epoch has 5 batches; to count over epochs, set "
        "check_val_every_n_epoch=null."
    )
    build(settings(*longer, "check_val_every_n_epoch=null"), tmp_path)


def test_profile_lies_in_the_runs_directory_whatever_logs(tmp_path: Path) -> None:
    study = build(settings("trainer=profile", "logger=csv"), tmp_path)
    assert study.trainer.profiler.dirpath == tmp_path


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_share_of_no_batch_is_a_wrong_setting(part: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError) as caught:
        build(settings(f"+trainer.limit_{part}_batches=0.1"), tmp_path)
    expected = f"trainer.limit_{part}_batches=0.1: less than one of 1 batches; give a larger share"
    assert str(caught.value).startswith(expected)


def test_language_models_head_is_ordered_by_the_training_text(tmp_path: Path) -> None:
    study = build(settings(*VERSE, "net=gpt", "net.cutoffs=[5, 20]"), tmp_path)
    data, ranks = study.datamodule, study.task.net.get_buffer("head.ranks")
    assert isinstance(data, TokensDataModule)
    expected = Counter(data.splits.train.tolist()).most_common(5)
    commonest = [int((ranks == rank).nonzero()) for rank in range(5)]
    counts = data.splits.train.tolist().count
    assert [counts(token) for token in commonest] == [count for _, count in expected]


def test_net_with_more_in_its_buffers_than_the_machine_has_is_not_made() -> None:
    config = settings(*VERSE, "net=gpt")
    with pytest.raises(SettingError, match=r"buffers take .* bytes, more than this machine has"):
        laid_out(config, {"vocabulary_size": 9, "context": 10**12}, {}, most=1000)


def test_absent_gpu_is_hidden_from_torch_where_a_run_is_made_and_not_where_it_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # so that it is set back
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(CUDAAccelerator, "is_available", lambda: False)
    config = settings()
    check(config)
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    build(config, tmp_path)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


NN = "torch.nn"
HOSTILE: dict[str, dict[str, Any]] = {
    "copies": {
        "_target_": f"{NN}.Transformer",
        "d_model": 4,
        "nhead": 1,
        "num_encoder_layers": 10**9,
    },
    "a device": {"_target_": f"{NN}.LSTM", "input_size": 1, "hidden_size": 10**4, "device": "cpu"},
    "layers": {"_target_": f"{NN}.LSTM", "input_size": 1, "hidden_size": 1, "num_layers": 10**9},
}


def of_anyone(**parts: Any) -> dict[str, Any]:
    """A configuration in which a module that brings its own is given parts."""
    task = {"_target_": "lightning.pytorch.demos.boring_classes.BoringModel", **parts}
    return {"seed": 1, "task": task, "net": None}


@pytest.mark.parametrize("part", HOSTILE)
def test_part_that_would_take_all_time_or_memory_is_refused_before_it_does(part: str) -> None:
    with pytest.raises(SettingError, match=r"many more parts or weights|device: leads to"):
        laid_out(of_anyone(part=HOSTILE[part]), {}, {}, most=400)


def test_net_that_computes_to_be_made_is_no_larger_than_what_was_saved(tmp_path: Path) -> None:
    large = {"_target_": f"{NN}.Linear", "in_features": 2000, "out_features": 2000}
    computes = {"_target_": "torchvision.models.regnet_x_400mf"}
    with pytest.raises(SettingError, match="many more parts or weights"):
        check_layout(tmp_path, {"state_dict": {}}, of_anyone(a=large, b=computes), {})
