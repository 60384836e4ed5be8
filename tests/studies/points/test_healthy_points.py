"""The training doctor has nothing to say of these experiments as they are shipped."""

from pathlib import Path

import pytest
from made import findings


@pytest.mark.slow
@pytest.mark.parametrize(
    "experiment", ["line", "linear", "cubic", "sine", "sine_minibatch", "sine_sgd"]
)
def test_shipped_experiment_has_no_finding(experiment: str, tmp_path: Path) -> None:
    assert findings(tmp_path / "run", f"experiment={experiment}") == {}
