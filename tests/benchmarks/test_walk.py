"""How far a run walks through the code is held, so that it does not grow unseen."""

import re
import subprocess
import sys

import pytest
from shipped import COMPLETE

from seedbed.project import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not COMPLETE, reason="of shipped studies")]

SMALL_POEMS = (
    *("experiment=poem_gpt", "data=verse", "data.poems=300", "data.context=24"),
    *("data.batch_size=4", "net.depth=1", "max_steps=20", "val_check_interval=10"),
)


@pytest.mark.parametrize(
    ("overrides", "functions", "files"),
    [(("experiment=line",), 433, 54), (SMALL_POEMS, 520, 60)],
    ids=["line", "poem_gpt"],
)
def test_run_walks_no_further_than_measured(
    overrides: tuple[str, ...], functions: int, files: int
) -> None:
    command = [sys.executable, "-m", "benchmarks.walk", *overrides]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = re.search(r"^(\d+) in (\d+) but for those entered from within", printed, re.MULTILINE)
    assert found
    assert int(found[1]) <= functions
    assert int(found[2]) <= files
