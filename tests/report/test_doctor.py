"""The training doctor: each ailment made to happen in a tiny run, and silence where all is well."""

import json
import re
from pathlib import Path

import pytest
import torch

from seedbed.config.compose import composed, plain
from seedbed.nets.mlp import MLP
from seedbed.record.directory import RunDirectory
from seedbed.record.run import read_run
from seedbed.report.doctor import Finding, diagnose
from seedbed.runs.execute import execute

LINE = ("experiment=dots", "data.held_out=50", "max_epochs=12", "optimizer.lr=0.02")
DIGITS = ("experiment=glyphs", "net.hidden=[16]", "net.dropout=0")


class Loud(MLP):
    """Begins with logits of hundreds."""

    def __init__(self, *, inputs: int, outputs: int) -> None:
        super().__init__(inputs=inputs, outputs=outputs)
        with torch.no_grad():
            self.head.weight *= 1000


def fitted(folder: Path, *overrides: str) -> Path:
    config = plain(composed(["logger=csv", "print_every=1000", *overrides]))
    return RunDirectory.create(folder, config).path


def findings(folder: Path, *overrides: str) -> dict[str, Finding]:
    execute(fitted(folder, *overrides))
    return {found.rule: found for found in diagnose(read_run(folder))}


@pytest.mark.parametrize(
    ("rule", "figure", "overrides"),
    [
        (
            "first loss",
            r"times what a guess gives \(ln 10: 2\.3",
            ("experiment=glyphs", "net._target_=OWN.Loud", "max_epochs=1"),
        ),
        (
            "best at first",
            "2.34 before the first step",
            (*DIGITS, "optimizer=sgd", "optimizer.lr=3", "max_epochs=6"),
        ),
    ],
)
def test_ailment_is_found(
    rule: str, figure: str, overrides: tuple[str, ...], own_module: str, tmp_path: Path
) -> None:
    settings = (setting.replace("OWN", own_module) for setting in overrides)
    found = findings(tmp_path / "run", *settings)
    assert re.search(figure, found[rule].text)


def test_what_was_found_ends_the_log_and_stays_with_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sick = (*DIGITS, "optimizer=sgd", "optimizer.lr=3", "max_epochs=6")
    [found] = findings(tmp_path / "run", *sick).values()
    printed = capsys.readouterr().out
    assert f"what the training doctor saw\n    {found.text}\n        {found.remedy}" in printed
    [kept] = json.loads((tmp_path / "run" / "doctor.json").read_text())["findings"]
    assert Finding(**kept) == found


def test_healthy_run_is_told_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert findings(tmp_path / "run", *LINE) == {}
    assert "doctor" not in capsys.readouterr().out
    assert json.loads((tmp_path / "run" / "doctor.json").read_text()) == {"findings": []}
