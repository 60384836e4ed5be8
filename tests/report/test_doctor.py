"""The training doctor: each ailment made to happen in a tiny run, and silence where all is well."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning import Callback
from made import findings
from stubs.data import Dots

from seedbed.data.rows import RowSplits
from seedbed.nets.mlp import MLP
from seedbed.record.run import read_run
from seedbed.report.doctor import Finding, diagnose, examine

DOTS = ("experiment=dots", "data.held_out=200")
GLYPHS = ("experiment=glyphs", "net.hidden=[16]", "net.dropout=0", "max_epochs=5")
SGD = (*GLYPHS, "optimizer=sgd", "optimizer.lr=3")
DEEP = ("net.hidden=[16,16,16,16,16,16,16]",)


class Loud(MLP):
    """Begins with outputs that grow tenfold from layer to layer."""

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__(inputs=inputs, outputs=outputs, hidden=[64] * 6)
        with torch.no_grad():
            for weight in self.parameters():
                weight.mul_(20)


class Noisy(Dots):
    """Dots whose training part alone has noise to speak of."""

    def load(self) -> RowSplits:
        """Add it."""
        splits = super().load()
        inputs, targets = splits.train
        noise = 3 * torch.randn(targets.shape, generator=torch.Generator().manual_seed(0))
        return replace(splits, train=(inputs, targets + noise))


class Slow(Callback):
    """Sleeps longer with each batch."""

    def on_train_batch_end(self, trainer: Any, *arguments: Any) -> None:
        """Sleep."""
        time.sleep(0.002 * trainer.global_step**2)


AILMENTS = [
    (
        "first loss",
        r"times what a guess gives \(ln 10: 2\.3",
        ("experiment=glyphs", "net._target_=OWN.Loud", "max_epochs=1"),
    ),
    ("best at first", r"2\.\d+ before the first step", SGD),
    ("rate too high", r"The fit diverged: The \w+ loss is", (*DOTS, "optimizer.lr=0.1")),
    (
        "rate too high",
        r"body\.0 by \d+ times|by \d\.\de\+0\d times|by \d+ times",
        (*GLYPHS, "optimizer.lr=3"),
    ),
    ("rate too low", r"by more than \d\.\de-0", (*GLYPHS, "optimizer.lr=1e-7")),
    ("dead units", r"\d+% of the units of body\.1\.0", SGD),
    (
        "vanishing gradient",
        r"on its way to body\.0: \d",
        (*GLYPHS, *DEEP, "net.activation=sigmoid"),
    ),
    (
        "exploding outputs",
        r"body\.0 gives \d.*head gives \d",
        ("experiment=glyphs", "net._target_=OWN.Loud", "max_epochs=1"),
    ),
    ("class never predicted", r"class 0, |class \d", (*GLYPHS, "optimizer.lr=1e-6")),
    (
        "overfitting",
        r"Since step \d+ the validation loss rises",
        (
            *(*DOTS, "data.points=6", "net.hidden=[64]", "optimizer=adam"),
            *("optimizer.lr=0.03", "max_epochs=400", "check_val_every_n_epoch=10"),
        ),
    ),
    ("still improving", r"\d+% of its fall", (*DOTS, "optimizer.lr=0.0003", "max_epochs=12")),
    (
        "validation easier",
        r"a loss of \d.* against \d",
        (*DOTS, "data._target_=OWN.Noisy", "max_epochs=40"),
    ),
    (
        "slower",
        r"a second at first, \d",
        (*DOTS, "+callbacks.slow._target_=OWN.Slow", "max_epochs=12"),
    ),
]


@pytest.mark.parametrize(("rule", "figure", "overrides"), AILMENTS, ids=str)
def test_ailment_is_found(
    rule: str, figure: str, overrides: tuple[str, ...], own_module: str, tmp_path: Path
) -> None:
    settings = (setting.replace("OWN", own_module) for setting in overrides)
    found = findings(tmp_path / "run", *settings)
    assert re.search(figure, found[rule].text)


@pytest.mark.parametrize(
    ("optimizer", "named"),
    [("torch.optim.SGD", "optimizer.lr, trainer=overfit"), (None, "trainer=overfit")],
)
def test_remedy_names_the_settings_that_the_run_has(
    optimizer: str | None, named: str, make_run: Any
) -> None:
    folder = make_run("run", [1.0] * 6)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["optimizer"] = optimizer and config["optimizer"]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    [found] = [one for one in diagnose(read_run(folder)) if one.rule == "best at first"]
    assert found.remedy.endswith(f"whether one batch can be learnt ({named}).")


def test_remedy_names_a_setting_that_has_no_value_yet(make_run: Any) -> None:
    folder = make_run("run", [1.0], task={"_target_": "stubs.Task", "class_weights": None})
    rows = "step,true/a,true/b,predicted/a,predicted/b\n1,5,5,10,0\n"
    (folder / "classes.csv").write_text(rows)
    [found] = [one for one in diagnose(read_run(folder)) if one.rule == "class never predicted"]
    assert found.remedy.endswith("look at their rows (task.class_weights=balanced).")


def test_losses_of_a_strangers_module_are_looked_at_too(make_run: Any) -> None:
    folder = make_run("run", [1.0] * 6)
    log = folder / "metrics.csv"
    log.write_text(log.read_text().replace("/loss", "_loss"))
    assert "best at first" in [one.rule for one in diagnose(read_run(folder))]


def test_what_was_found_ends_the_log_and_stays_with_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = findings(tmp_path / "run", *SGD)["best at first"]
    printed = capsys.readouterr().out
    assert "\nthe training doctor:\n" in printed
    assert f"    {found.text}\n        {found.remedy}" in printed
    kept = json.loads((tmp_path / "run" / "doctor.json").read_text())["findings"]
    assert found in [Finding(**one) for one in kept]


def test_what_is_certain_is_reported_before_the_first_step(
    own_module: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loud = f"net._target_={own_module}.Loud"
    found = findings(tmp_path / "run", "experiment=glyphs", loud, "max_epochs=1")["first loss"]
    before, _, after = capsys.readouterr().out.partition(found.text)
    assert "best checkpoint" not in before
    assert "best checkpoint" in after


def test_what_was_reported_is_not_reported_again(tmp_path: Path) -> None:
    findings(tmp_path / "run", *SGD)
    known: set[str] = set()
    assert examine(tmp_path / "run", known)
    assert known
    assert examine(tmp_path / "run", known) == []


def test_test_part_is_not_looked_at(tmp_path: Path) -> None:
    findings(tmp_path / "run", *SGD)
    before = diagnose(read_run(tmp_path / "run"))
    for name in ("confusion.csv", "predictions.csv", "metrics.json"):
        (tmp_path / "run" / name).unlink(missing_ok=True)
    log = tmp_path / "run" / "metrics.csv"
    log.write_text(log.read_text().replace("test/loss", "test/moss"))
    assert diagnose(read_run(tmp_path / "run")) == before


@pytest.mark.parametrize(
    "overrides",
    [
        ("experiment=dots", "max_epochs=40"),
        ("experiment=glyphs", "max_epochs=6"),
        ("experiment=marks", "max_epochs=20"),
        (
            *("experiment=rhymes", "data.context=32", "data.batch_size=4"),
            *("max_steps=60", "val_check_interval=15"),
        ),
    ],
    ids=str,
)
def test_healthy_run_has_no_finding(
    overrides: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert findings(tmp_path / "run", *overrides) == {}
    assert "doctor" not in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "doctor.json").read_text()) == {"findings": []}
