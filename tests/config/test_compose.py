from pathlib import Path

import pytest

from seedbed.config.compose import composed, plain, use_paths
from seedbed.data.fetch import data_dir


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        ("my.csv", "{here}/my.csv"),
        ("../my.csv", "{here}/../my.csv"),
        ("~/my.csv", "{home}/my.csv"),
        ("/data/my.csv", "/data/my.csv"),
        ("~nobody-of-this-name/my.csv", "{here}/~nobody-of-this-name/my.csv"),
    ],
)
def test_path_is_recorded_so_that_it_is_found_from_another_folder(
    typed: str, recorded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/of/whoever/starts/it")
    config = plain(composed(["data=table", f'data.path="{typed}"', f'weights="{typed}"']))
    expected = recorded.format(here=tmp_path, home="/home/of/whoever/starts/it")
    assert config["data"]["path"] == config["weights"] == expected


def test_path_that_is_not_set_stays_so() -> None:
    assert plain(composed(["data=table"]))["data"]["path"] is None


def test_data_dir_is_the_machines_and_stays_out_of_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEEDBED_DATA_DIR", "elsewhere")
    use_paths(composed(["experiment=rhymes"]))
    assert data_dir() == tmp_path / "elsewhere"
    config = composed(["experiment=rhymes", "paths.data_dir=here"])
    use_paths(config)
    assert data_dir() == tmp_path / "here"
    assert "paths" not in plain(config)


@pytest.mark.parametrize(
    "replaced", ["callbacks=default", "prompt=x", "callbacks.samples.prompt=x"]
)
def test_setting_that_an_experiment_adds_is_no_unknown_one_where_its_user_was_replaced(
    replaced: str,
) -> None:
    config = plain(composed(["experiment=rhymes", replaced]))
    assert "prompt" not in config
    assert {"data", "net", "callbacks"} <= set(config)


def test_setting_that_no_option_refers_to_is_kept_to_be_refused() -> None:
    assert plain(composed(["experiment=rhymes", "+promt=x"]))["promt"] == "x"
