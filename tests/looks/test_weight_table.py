import re
from pathlib import Path

import pytest
import torch
from made import executed
from torch import nn

from seedbed.looks.weight_table import BINS, histogram, table
from seedbed.record.directory import RunDirectory

NAMES = {"body.0.weight", "body.0.bias", "head.weight", "head.bias"}
"""The parameters of the experiment `line`."""


def run(folder: Path, *overrides: str) -> RunDirectory:
    return executed(folder, "max_epochs=2", "data.held_out=8", *overrides)


def net_of(**values: list[float] | float) -> nn.Module:
    net = nn.Module()
    for name, value in values.items():
        net.register_parameter(name, nn.Parameter(torch.tensor(value)))
    return net


def test_table_has_a_line_for_each_parameter() -> None:
    net = nn.TransformerDecoderLayer(8, 2)
    _, *lines = table(net).splitlines()
    assert [line.split()[0] for line in lines] == [name for name, _ in net.named_parameters()]


def test_line_has_shape_mean_deviation_and_the_ends_of_the_histogram() -> None:
    _, line = table(net_of(weight=[[1.0, 3.0], [1.0, 3.0]])).splitlines()
    numbers = re.fullmatch(r"weight +2 × 2 +(\S+) +(\S+) +(\S+) +(\S+)  (.{16})  (\S+)", line)
    assert numbers
    assert numbers.groups() == (
        "2.0000",
        "1.0000",
        "0.0%",
        "1.0000",
        "█" + " " * 14 + "█",
        "3.0000",
    )


@pytest.mark.parametrize("value", [[], [0.5]])
def test_parameter_of_one_value_has_a_deviation_of_zero(value: list[float]) -> None:
    _, line = table(net_of(weight=value or 0.5)).splitlines()
    assert line.split()[-6:-2] == ["0.5000", "0.0000", "0.0%", "0.5000"]


def test_bars_are_as_high_as_their_share_of_the_highest_and_never_blank_for_a_value() -> None:
    values = torch.tensor([0.0] * 800 + [0.5] * 400 + [1.0])
    assert histogram(values) == "█" + " " * 7 + "▄" + " " * 6 + "▁"
    assert len(histogram(values)) == BINS


def test_share_near_zero_counts_weights_below_a_thousandth() -> None:
    _, line = table(net_of(weight=[0.0, -0.0009, 0.0011, 1.0])).splitlines()
    assert line.split()[4] == "50.0%"


def test_tables_of_the_weights_before_and_after_the_fit_are_logged_on_request(
    tmp_path: Path,
) -> None:
    directory = run(tmp_path, "print_weights=true", "init=constant", "init.value=0.25")
    log = directory.log_file.read_text(encoding="utf-8")
    lines = [line for line in log.splitlines() if line.split()[:1] and line.split()[0] in NAMES]
    before, after = lines[:4], lines[4:]
    assert {line.split()[0] for line in before} == {line.split()[0] for line in after} == NAMES
    assert all("0.2500     0.0000" in line for line in before if ".weight" in line)
    assert not any("0.2500     0.0000" in line for line in after)
    assert log.count("initial weights") == log.count("final weights") == 1


def test_tables_are_not_logged_unasked(tmp_path: Path) -> None:
    assert " weights" not in run(tmp_path).log_file.read_text(encoding="utf-8")
