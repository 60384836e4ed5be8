from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig

from seedbed.config.compose import composed, plain
from seedbed.config.override_problems import setting_problems
from seedbed.config.overrides import searched
from seedbed.sweep.best import remove_best, write_best

SETTINGS = ("experiment=marks", "optimizer=rmsprop", "optimizer.lr=0.02", "net.hidden=[4]")


@pytest.fixture
def again(tmp_path: Path) -> Any:
    """Composes with the options that were written of some settings, as `--config-dir` would."""
    write_best(composed([*SETTINGS]), tmp_path, "the best")

    def compose(*overrides: str) -> DictConfig:
        return composed([f"hydra.searchpath=[{tmp_path}]", "experiment=best", *overrides])

    return compose


def test_best_composes_to_the_very_settings_it_was_written_of(again: Any) -> None:
    assert plain(again()) == plain(composed([*SETTINGS]))


def test_option_of_a_group_replaces_the_whole_of_the_best_one(again: Any) -> None:
    assert (
        plain(again("optimizer=momentum"))["optimizer"]
        == (plain(composed(["optimizer=momentum"]))["optimizer"])
    )


def test_settings_that_follow_another_still_do(again: Any) -> None:
    config = plain(again("seed=7", "max_epochs=3"))
    assert (config["data"]["seed"], config["trainer"]["max_epochs"]) == (7, 3)


def test_best_again_is_a_run_of_its_experiment(again: Any) -> None:
    assert "/logs/binary/marks/" in again().hydra.run.dir


def test_paths_hold_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = ("experiment=dots", "data=table", "data.path=my.csv", "data.target=y")
    write_best(composed([*settings]), tmp_path, "the best")
    assert f"path: {tmp_path / 'my.csv'}" in (tmp_path / "data" / "best.yaml").read_text()


def test_mistake_beside_the_best_is_reported_alone(again: Any, tmp_path: Path) -> None:
    found = searched(["--config-dir", str(tmp_path)])
    assert found == searched([f"--config-dir={tmp_path}"])
    assert setting_problems([*found, "experiment=best", "optimizer.lrr=1"]) == [
        "optimizer.lrr: no such setting; did you mean optimizer.lr?"
    ]
    assert searched(["experiment=best"]) == []


def test_only_what_was_written_is_removed(again: Any, tmp_path: Path) -> None:
    (tmp_path / "data" / "mine.yaml").touch()
    remove_best(tmp_path)
    assert [path.name for path in tmp_path.rglob("*.yaml")] == ["mine.yaml"]
