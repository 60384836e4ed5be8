"""The range test of the learning rate: what it suggests, and that it leaves all as it was."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures import Command
from omegaconf import open_dict

from seedbed.config.compose import composed, plain
from seedbed.errors import SettingError
from seedbed.runs.find_rate import (
    RisingRate,
    as_text,
    find_rate,
    range_test,
    smoothed,
    suggested,
)

LINE = ("experiment=dots", "optimizer.lr=0.005")


def test_rate_is_suggested_where_the_loss_falls_fastest_and_its_range_where_half_as_fast() -> None:
    """Of a logistic curve over the logarithm: half its steepest slope is ±1.763 from the middle."""
    rates = [float(rate) for rate in np.geomspace(np.exp(-10), np.exp(10), 2001)]
    losses = [1 / (1 + rate) + (rate > 2000) for rate in rates]
    found = suggested(rates, losses)
    assert found is not None
    assert np.log(found) == pytest.approx([0.0, -1.763, 1.763], abs=0.01)


def test_loss_that_does_not_fall_has_no_suggestion() -> None:
    assert suggested([0.1, 1.0, 10.0, 100.0, 1000.0], [1.0, 1.1, 1.2, 1.3, 2.0]) is None


def test_smoothed_losses_have_no_bias_towards_nothing() -> None:
    assert smoothed([3.0] * 5) == pytest.approx([3.0] * 5)


def test_rate_rises_and_groups_keep_their_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    usual = RisingRate.on_train_batch_start

    def note(self: RisingRate, trainer: Any, *rest: Any) -> None:
        usual(self, trainer, *rest)
        seen.append([group["lr"] for group in trainer.optimizers[0].param_groups])

    monkeypatch.setattr(RisingRate, "on_train_batch_start", note)
    find_rate(
        [*LINE, "lr_scale={body.0.bias: 0.1}", "scheduler=warmup_cosine"],
        low=1e-6, high=1e-4, steps=21,
    )  # fmt: skip
    rates = np.array(seen)
    assert rates[0, 0] == pytest.approx(1e-6)
    assert sorted({*rates[0].round(10)}) == pytest.approx([1e-7, 1e-6])
    assert rates / rates[0] == pytest.approx(np.geomspace(1, 100, 21)[:, None] + 0 * rates)


def test_command_shows_a_suggestion_and_a_picture_and_records_no_run(
    seedbed: Command, tmp_path: Path
) -> None:
    called = seedbed("find-rate", *LINE, "--out", tmp_path / "rates")
    assert (called.status, called.err) == (0, "")
    assert "suggestion: optimizer.lr=" in called.out
    assert "The study's own is 0.005; nothing was changed." in called.out
    assert called.out.endswith(f"picture: {tmp_path / 'rates' / 'rates.png'}\n")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["rates", "rates.csv", "rates.png"]
    with (tmp_path / "rates" / "rates.csv").open(newline="") as file:
        rows = [(float(row["rate"]), float(row["loss"])) for row in csv.DictReader(file)]
    assert rows[0][0] == pytest.approx(1e-6)
    assert len(rows) < 100  # it diverged before


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], dict[str, Any]]:
    """Settings of modules that bring their own training."""
    packages = ("seedbed", "studies", "strangers_modules")
    monkeypatch.setattr("seedbed.config.targets.own_packages", lambda: packages)

    def settings(task: str, data: str) -> dict[str, Any]:
        config = composed(["experiment=none", "trainer=cpu"])
        with open_dict(config):
            config.task, config.data = {"_target_": task}, {"_target_": data}
        return plain(config)

    return settings


def test_module_with_an_optimizer_of_its_own_has_its_rate_found(strangers: Any) -> None:
    boring = "lightning.pytorch.demos.boring_classes.Boring"
    found = range_test(strangers(f"{boring}Model", f"{boring}DataModule"), steps=30)
    assert (found.setting, found.now, len(found.rates)) == ("", 0.1, len(found.losses))
    assert "optimizer.lr" not in as_text(found)


def test_module_that_steps_its_optimizers_itself_is_reported(strangers: Any) -> None:
    config = strangers("strangers_modules.Autoencoder", "strangers_modules.Vectors")
    with pytest.raises(SettingError, match="Autoencoder steps its optimizers itself"):
        range_test(config)


def test_rates_that_do_not_rise_are_refused(seedbed: Command) -> None:
    called = seedbed("find-rate", *LINE, "--low", "1", "--high", "0.1")
    assert (called.status, "expected rates that rise" in called.err) == (2, True)
