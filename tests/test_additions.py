"""What each addition takes, made in a copy of the project: so many files, none of them the frame's.

The data set, the net, … are as small as can be, and each leaves a figure in its run that nothing
else could.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from copied import called, copied

from seedbed.project import own_packages
from seedbed.record.directory import RunDirectory

pytestmark = pytest.mark.slow

PACKAGE = own_packages()[1]
BRIEF = ("experiment=none", "max_epochs=2", "report=false", "logger=csv", "test=false")
OURS = ("task=regression", "data.scale_target=false")

DATA = """import torch
from seedbed.data.rows import RowsDataModule, RowSplits


class Heights(RowsDataModule):
    kind = "regression"

    def __init__(self, *, height: float, batch_size: int = 20, seed: int = 1) -> None:
        super().__init__(batch_size=batch_size, seed=seed)
        self.height = height

    def load(self) -> RowSplits:
        rows = torch.rand(20, 2), torch.full((20, 1), self.height)
        return RowSplits(train=rows, val=rows, test=rows, outputs=1)
"""

NET = """import torch
from torch import Tensor, nn


class Level(nn.Module):
    def __init__(self, *, inputs: int, outputs: int, level: float) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.full((outputs,), level))

    def forward(self, x: Tensor) -> Tensor:
        return self.level.expand(len(x), -1)
"""

CALLBACK = """from pathlib import Path

from lightning import Callback, LightningModule, Trainer


class Note(Callback):
    def __init__(self, *, word: str) -> None:
        self.word = word

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        place = Path(trainer.default_root_dir) / "note.txt"
        place.write_text(f"{self.word} {trainer.current_epoch}")
"""

LOSS = """from torch import Tensor


def raised(predictions: Tensor, targets: Tensor, by: float = 1.0) -> Tensor:
    return (predictions - targets).abs().mean() + by
"""

METRIC = """from torch import Tensor, tensor
from torchmetrics import Metric


class Doubled(Metric):
    higher_is_better = False

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", tensor(0.0), dist_reduce_fx="sum")
        self.add_state("rows", tensor(0), dist_reduce_fx="sum")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        self.total += 2 * (predictions - targets).abs().sum()
        self.rows += targets.numel()

    def compute(self) -> Tensor:
        return self.total / self.rows
"""

MODULE = """import torch
from lightning import LightningDataModule, LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class Slope(LightningModule):
    def __init__(self, lr: float) -> None:
        super().__init__()
        self.slope, self.lr = nn.Parameter(torch.tensor(0.0)), lr

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return (batch[1] - self.slope * batch[0]).square().mean()

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("distance", (3 - self.slope).abs())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), self.lr)


class Line(LightningDataModule):
    def train_dataloader(self) -> DataLoader:
        x = torch.ones(8, 1)
        return DataLoader(TensorDataset(x, 3 * x), 4)

    val_dataloader = train_dataloader
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to which each test adds files of its own."""
    return copied(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The overrides that choose a table and a net, where neither is what is added."""
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_text("a,b\n" + "".join(f"{n},{2 * n + 1}\n" for n in range(40)))
    return ("data=table", f"data.path={path}", "data.target=b", "net=mlp", *OURS)


def files(project: Path) -> dict[Path, bytes]:
    """What is in each file of a project, but for compiled ones."""
    found = (path for path in project.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in found if path.suffix != ".pyc"}


def trained(
    project: Path, run: Path, added: Mapping[str, str], *overrides: str, python: int, yamls: int
) -> RunDirectory:
    """A run with additions to a project, which may be so many files."""
    before = files(project)
    for name, content in added.items():
        (project / name).write_text(content.replace("PACKAGE", PACKAGE), encoding="utf-8")
    words = [override.replace("PACKAGE", PACKAGE) for override in overrides]
    called(project, "train.py", *BRIEF, *words, f"hydra.run.dir={run}")
    after = files(project)
    assert {path: after.get(path) for path in before} == before
    new = [path.suffix for path in {*after} - {*before}]
    assert (new.count(".py") <= python, new.count(".yaml") <= yamls) == (True, True)
    assert len(new) <= python + yamls
    return RunDirectory(run)


def last(run: RunDirectory) -> dict[str, Any]:
    """What a run's last checkpoint has."""
    state: dict[str, Any] = torch.load(run.last, weights_only=True)
    return state


def test_data_set_is_one_python_file_and_one_yaml(project: Path, tmp_path: Path) -> None:
    added = {
        f"src/{PACKAGE}/heights.py": DATA,
        "conf/data/heights.yaml": "_target_: PACKAGE.heights.Heights\nheight: 1.0e+6\n",
    }
    words = ("data=heights", "net=mlp", "task=regression", "optimizer.lr=0")
    run = trained(project, tmp_path / "run", added, *words, python=1, yamls=1)
    assert run.metrics()["val/mae"] == pytest.approx(1e6, rel=1e-3)


def test_net_is_one_python_file_and_one_yaml(
    project: Path, table: tuple[str, ...], tmp_path: Path
) -> None:
    added = {
        f"src/{PACKAGE}/level.py": NET,
        "conf/net/level.yaml": "_target_: PACKAGE.level.Level\nlevel: 7.0\n",
    }
    words = (*table, "net=level", "optimizer.lr=0")
    run = trained(project, tmp_path / "run", added, *words, python=1, yamls=1)
    assert last(run)["state_dict"]["net.level"].tolist() == [7.0]


def test_callback_is_one_python_file_and_one_yaml(
    project: Path, table: tuple[str, ...], tmp_path: Path
) -> None:
    node = "note:\n  _target_: PACKAGE.note.Note\n  word: epochs\n"
    added = {
        f"src/{PACKAGE}/note.py": CALLBACK,
        "conf/callbacks/note.yaml": f"defaults:\n  - default\n{node}",
    }
    run = trained(project, tmp_path / "run", added, *table, "callbacks=note", python=1, yamls=1)
    assert (run.path / "note.txt").read_text() == "epochs 2"


LIBRARY = (
    "optimizer._target_=torch.optim.NAdam",
    "scheduler._target_=torch.optim.lr_scheduler.PolynomialLR",
    "task.loss._target_=torch.nn.L1Loss",
    "task.metrics={spread: {_target_: torchmetrics.regression.NormalizedRootMeanSquaredError}}",
)


def test_optimizer_schedule_loss_and_metric_of_a_library_are_an_override_each(
    project: Path, table: tuple[str, ...], tmp_path: Path
) -> None:
    run = trained(project, tmp_path / "run", {}, *table, *LIBRARY, python=0, yamls=0)
    state = last(run)
    assert "mu_product" in next(iter(state["optimizer_states"][0]["state"].values()))
    assert state["lr_schedulers"][0]["total_iters"] == 2
    metrics = run.metrics()
    assert metrics["val/loss"] == pytest.approx(metrics["val/mae"])
    assert metrics["val/spread"] > 0


def test_loss_of_ones_own_is_one_function_and_an_override(
    project: Path, table: tuple[str, ...], tmp_path: Path
) -> None:
    added = {f"src/{PACKAGE}/raised.py": LOSS}
    words = (*table, "task.loss._target_=PACKAGE.raised.raised", "task.loss.by=5")
    metrics = trained(project, tmp_path / "run", added, *words, python=1, yamls=0).metrics()
    assert metrics["val/loss"] == pytest.approx(metrics["val/mae"] + 5)


def test_metric_of_ones_own_is_one_class_and_an_override(
    project: Path, table: tuple[str, ...], tmp_path: Path
) -> None:
    added = {f"src/{PACKAGE}/doubled.py": METRIC}
    words = (*table, "task.metrics={twice: {_target_: PACKAGE.doubled.Doubled}}")
    metrics = trained(project, tmp_path / "run", added, *words, python=1, yamls=0).metrics()
    assert metrics["val/twice"] == pytest.approx(2 * metrics["val/mae"])


def test_own_lightning_module_and_data_module_are_one_python_file_and_two_yamls(
    project: Path, tmp_path: Path
) -> None:
    added = {
        f"src/{PACKAGE}/slope.py": MODULE,
        "conf/task/slope.yaml": "_target_: PACKAGE.slope.Slope\nlr: 0.25\n",
        "conf/data/slope.yaml": "_target_: PACKAGE.slope.Line\n",
    }
    words = ("task=slope", "data=slope", "monitor=distance", "mode=min")
    run = trained(project, tmp_path / "run", added, *words, python=1, yamls=2)
    # Each of four steps halves the distance, which was 3.
    assert run.metrics()["distance"] == pytest.approx(3 / 2**4)
    record = yaml.safe_load((run.path / "config.yaml").read_text())
    assert [record[group] for group in ("net", "optimizer", "scheduler")] == [None] * 3
