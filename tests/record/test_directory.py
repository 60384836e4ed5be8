import json
import math
import os
from pathlib import Path

import pytest

from seedbed.errors import RunError
from seedbed.record.directory import RunDirectory, as_json, write_json
from seedbed.record.run import read_run


def test_number_that_is_not_finite_is_null_and_comes_back_as_nan(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, {"monitor": "val/loss"})
    write_json(run.metrics_file, {"val/loss": 0.5, "val/r2": math.nan})
    assert json.loads(run.metrics_file.read_text()) == {"val/loss": 0.5, "val/r2": None}
    for metrics in (run.metrics(), read_run(tmp_path).final):
        assert metrics["val/loss"] == 0.5
        assert math.isnan(metrics["val/r2"])


def test_json_is_of_finite_numbers_however_deep() -> None:
    deep = {"a": [1.0, {"b": math.inf}, (-math.inf,)]}
    assert json.loads(as_json(deep)) == {"a": [1.0, {"b": None}, [None]]}


def test_file_in_the_place_of_a_run_is_not_taken_for_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(RunError) as caught:
        RunDirectory.create(file, {})
    assert str(caught.value) == f"{file}: cannot be written (File exists). Choose another place."


def test_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"caf.: expected a name in UTF-8"):
        RunDirectory.create(tmp_path / os.fsdecode(b"caf\xe9"), {})
