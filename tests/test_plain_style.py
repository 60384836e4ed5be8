"""A researcher's own files, in a plain style: linted gently, and no test of the frame turns red."""

from pathlib import Path

import pytest
from copied import called, tracked

DATA = """import torch
from seedbed.data.rows import RowsDataModule, RowSplits
import numpy as np
class MyData(RowsDataModule):
    kind="regression"
    def load(self):
        X=np.random.RandomState(0).randn(100,2)
        f=lambda a: torch.tensor(a,dtype=torch.float32)
        y=f(X.sum(1,keepdims=True)); x=f(X)
        a,b,c=slice(0,60),slice(60,80),slice(80,100)
        return RowSplits(train=(x[a],y[a]),val=(x[b],y[b]),test=(x[c],y[c]),outputs=1)
"""

OF_ALL_FILES = (
    *("tests/config/test_configs.py", "tests/optim/test_schedules.py", "tests/test_frame.py"),
    *("tests/new/test_reference.py", "tests/test_documents.py", "tests/runs/test_check.py"),
)
"""The tests that look at whatever there is in `conf/` and `src/`."""


@pytest.mark.slow
def test_plain_study_trains_is_linted_gently_and_turns_no_test_red(tmp_path: Path) -> None:
    project = tracked(tmp_path / "project")
    study = project / "src" / "studies" / "plain"
    study.mkdir()
    (study / "__init__.py").touch()
    (study / "data.py").write_text(DATA)
    conf = project / "conf"
    (conf / "data" / "plain.yaml").write_text("_target_: studies.plain.data.MyData\n")
    (conf / "optimizer" / "mine.yaml").write_text(
        "_target_: torch.optim.SGD\n_partial_: true\nlr: 1\n"
    )
    (conf / "experiment" / "plain.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /data: plain\n  - override /net: mlp\n"
        "  - override /task: regression\noptimizer:\n  lr: 0.01\nmax_epochs: 2\n"
    )
    run = f"hydra.run.dir={tmp_path / 'run'}"
    assert "test/loss" in called(project, "train.py", "experiment=plain", run)
    called(project, "-m", "ruff", "check")
    called(project, "-m", "mypy")
    called(project, "-m", "pytest", "-q", "-x", *OF_ALL_FILES)
