"""The training doctor has nothing to say of this experiment, on verse that needs no network."""

from pathlib import Path

import pytest
from made import findings

VERSE = (
    "experiment=poem_gpt",
    "data=verse",
    "prompt='秋江長歌'",
    "max_steps=400",
    "val_check_interval=100",
)


@pytest.mark.slow
def test_shipped_experiment_is_told_nothing(tmp_path: Path) -> None:
    assert findings(tmp_path / "run", *VERSE) == {}
