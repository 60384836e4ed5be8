"""The training doctor has nothing to say of these experiments as they are shipped."""

from pathlib import Path

import pytest
from made import findings


def test_digits_are_reported_nothing(tmp_path: Path) -> None:
    assert findings(tmp_path / "run", "experiment=mnist", "data=digits") == {}


@pytest.mark.slow
@pytest.mark.corpus
@pytest.mark.parametrize("experiment", ["mnist", "mnist_fast"])
def test_shipped_experiment_has_no_finding(experiment: str, tmp_path: Path) -> None:
    assert findings(tmp_path / "run", f"experiment={experiment}") == {}
