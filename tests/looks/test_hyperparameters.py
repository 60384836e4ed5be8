"""TensorBoard's HPARAMS tab, read as TensorBoard reads it."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import TensorBoardLogger
from made import executed
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from seedbed.looks.hyperparameters import log_hyperparameters
from seedbed.tensorboard import BEST


class Trained:
    """As much of a Trainer as a logger asks for."""

    is_global_zero = True
    global_step = 5
    optimizers = ()

    def __init__(self, folder: Path) -> None:
        made = TensorBoardLogger(str(folder), name="", version="tensorboard")
        self.loggers = [made]


def hyperparameters(folder: Path) -> tuple[dict[str, str | float], dict[str, float]]:
    """What TensorBoard's HPARAMS tab reads of a run."""
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    [content] = [
        text for tag, text in events.PluginTagToContent("hparams").items() if "start" in tag
    ]
    started = HParamsPluginData.FromString(content).session_start_info.hparams
    settings = {name: getattr(x, str(x.WhichOneof("kind"))) for name, x in started.items()}
    return settings, {tag: events.Scalars(tag)[-1].value for tag in events.Tags()["scalars"]}


def test_hyperparameters_are_settings_and_final_metrics(tmp_path: Path) -> None:
    settings = {"optimizer": "Adam", "optimizer.lr": 0.5}
    trained: Any = Trained(tmp_path)
    log_hyperparameters(trained, settings, {"test/loss": 0.25, "test/f1": 1.0})
    assert hyperparameters(tmp_path) == (settings, {f"{BEST}test/loss": 0.25})
    assert [path.name for path in tmp_path.iterdir()] == ["tensorboard"]
    assert all(path.is_file() for path in (tmp_path / "tensorboard").iterdir())


def test_hyperparameters_of_a_run_made_longer_replace_the_earlier_ones(tmp_path: Path) -> None:
    for epochs in (5.0, 9.0):
        trained: Any = Trained(tmp_path)
        log_hyperparameters(trained, {"max_epochs": epochs}, {"val/loss": 1 / epochs})
    settings, metrics = hyperparameters(tmp_path)
    assert settings == {"max_epochs": 9.0}
    assert metrics[f"{BEST}val/loss"] == pytest.approx(1 / 9)
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1


@pytest.mark.slow
def test_run_has_its_settings_and_final_metrics_there(tmp_path: Path) -> None:
    typed = ("max_epochs=2", "data.held_out=50", "optimizer=momentum")
    metrics = executed(tmp_path, *typed).metrics()
    settings, logged = hyperparameters(tmp_path)
    expected = {"optimizer": "SGD", "optimizer.momentum": 0.9, "net": "MLP", "net.hidden": "[10]"}
    assert expected.items() <= settings.items()
    assert not [name for name in settings if "_target_" in name or name.startswith("logger")]
    final = {name: value for name, value in logged.items() if name.startswith(BEST)}
    assert final == {
        f"{BEST}{name}": pytest.approx(metrics[name])
        for name in ("val/loss", "test/loss", "test/r2")
    }
