from pathlib import Path
from typing import Any

import pytest

from seedbed.build import build
from seedbed.compose import composed, plain
from seedbed.data.points import Line
from seedbed.errors import SettingError

VERSE = ("data=verse", "data.poems=60", "data.context=8", "task=language")


@pytest.mark.parametrize("net", ["gpt_tutorial", "transformer_decoder"])
def test_width_that_a_net_refuses_is_a_wrong_setting(net: str, tmp_path: Path) -> None:
    config = plain(composed([*VERSE, f"net={net}", "net.heads=3"]))
    with pytest.raises(SettingError, match="width=64 cannot be shared among heads=3"):
        build(config, tmp_path)


def test_value_that_is_refused_as_data_is_loaded_is_a_wrong_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(data: Line) -> Any:
        raise ValueError("not with this value")

    monkeypatch.setattr(Line, "load", load)
    with pytest.raises(SettingError, match=r"^seedbed\.data\.points\.Line: not with this value$"):
        build(plain(composed([])), tmp_path)


def test_interval_longer_than_an_epoch_is_a_wrong_setting(tmp_path: Path) -> None:
    longer = ["data.batch_size=20", "val_check_interval=6"]  # of 100 points
    with pytest.raises(SettingError) as caught:
        build(plain(composed(longer)), tmp_path)
    assert str(caught.value) == (
        "val_check_interval=6: an epoch has 5 batches; to count over epochs, set "
        "check_val_every_n_epoch=null."
    )
    build(plain(composed([*longer, "check_val_every_n_epoch=null"])), tmp_path)
