"""The net whose loss has many hollows."""

from pathlib import Path

import pytest
from made import executed


@pytest.mark.parametrize(("start", "least", "most"), [(2, 0, 1e-6), (3, 0.8, 1.0)])
def test_wave_ends_in_the_hollow_that_it_starts_in(
    tmp_path: Path, start: float, least: float, most: float
) -> None:
    begin = ("init=constant", f"init.value={start}")
    run = executed(tmp_path / "run", "experiment=hills", *begin, "max_steps=300")
    assert least <= run.metrics()["val/loss"] <= most
