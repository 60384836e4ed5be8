"""Each stranger's module killed and resumed, evaluated, swept, and trained by two processes.

What it does with them on the fast way is in `test_self_contained`, what on a GPU in `test_gpu`.
"""

import functools
import itertools
import json
import os
import pkgutil
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from events import CLEAN, LIMIT, together
from exact import same
from hydra.core.override_parser.overrides_parser import OverridesParser
from lightning_utilities.core.apply_func import apply_to_collection
from omegaconf import DictConfig
from strangers_runs import PACKAGES, STUDIES, composed_study, prepared

from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute
from seedbed.sweep.plan import Plan, Settings
from seedbed.sweep.run import run as run_sweep
from seedbed.sweep.space import space

pytestmark = pytest.mark.slow

SHORT = ("max_epochs=2", "+trainer.limit_train_batches=5", "callbacks.checkpoints.every_seconds=0")
EPOCH, LOST = 5, 8
"""Batches an epoch, and the one at which a fit is killed: the third of its second epoch."""

EXACT = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "random_states", "steps")
"""The parts of a checkpoint that are the same after a resumption."""

LOGGED = {
    "manual": ["val_loss"],
    "dicts": ["hits/dataloader_idx_0", "hits/dataloader_idx_1"],
    "stream": [],
    "boring": [],
}
"""What each logs of its validation."""


@pytest.fixture(scope="module", autouse=True)
def own() -> Iterator[None]:
    """Let a configuration name the strangers' classes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("seedbed.config.targets.own_packages", lambda: PACKAGES)
        yield


@pytest.fixture(scope="module", params=STUDIES)
def study(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def whole(study: str, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run that nothing disturbed."""
    run = prepared(tmp_path_factory.mktemp("whole") / "run", study, *SHORT)
    watched(run, study)
    return run


def watch(study: str, file: Path, put: Callable[..., None], death: int = 0) -> None:
    """Have a module note each batch that it trains on, and die before the n-th."""
    kind = pkgutil.resolve_name(":".join(STUDIES[study][0].rsplit(".", 1)))
    original, calls = kind.training_step, itertools.count(1)

    @functools.wraps(original)  # Lightning looks at signatures
    def noting(module: Any, batch: Any, *more: Any) -> Any:
        if next(calls) == death:
            os.kill(os.getpid(), signal.SIGKILL)
        with file.open("a") as noted:
            noted.write(f"{apply_to_collection(batch, torch.Tensor, torch.Tensor.tolist)}\n")
        return original(module, batch, *more)

    put(kind, "training_step", noting)


def watched(run: RunDirectory, study: str) -> None:
    """Execute a run here."""
    with pytest.MonkeyPatch.context() as patched:
        watch(study, batch_file(run.path, 0), patched.setattr)
        execute(run.path)


def prepare(path: Path, study: str, death: int, rank: int) -> None:
    """What a process of its own does before it executes a run."""
    torch.set_num_threads(1)
    pkgutil.resolve_name("seedbed.config.targets").own_packages = lambda: PACKAGES
    watch(study, batch_file(path, rank), setattr, death)
    warnings.showwarning = partial(note_warning, path.with_name(f"{rank}-warnings.txt"))


def note_warning(file: Path, message: Warning | str, *_: object, **more: object) -> None:
    with file.open("a") as noted:
        noted.write(f"{message}\n")


def die_of(path: Path, study: str, death: int) -> None:
    prepare(path, study, death, 0)
    execute(path)


def batch_file(path: Path, rank: int) -> Path:
    return path.with_name(f"{path.name}-{rank}.txt")


def batches(run: RunDirectory, rank: int = 0) -> list[str]:
    """The batches that a process has trained on, in their order."""
    return batch_file(run.path, rank).read_text().splitlines()


@pytest.fixture
def resumed(study: str, tmp_path: Path) -> RunDirectory:
    """A run that was killed within an epoch, and went on."""
    run = prepared(tmp_path / "run", study, *SHORT)
    process = CLEAN.Process(target=die_of, args=(run.path, study, LOST))
    process.start()
    process.join(LIMIT)
    assert (process.exitcode, run.state()) == (-signal.SIGKILL, "interrupted")
    watched(run, study)
    return run


def test_killed_fit_of_a_strangers_module_goes_on_exactly_or_says_where(
    study: str, whole: RunDirectory, resumed: RunDirectory
) -> None:
    if study == "stream":
        missed = "Streams cannot restore its place: the epoch continues at batch 3 with the first"
        assert missed in resumed.log_file.read_text()
        assert batches(resumed)[: LOST - 1] == batches(whole)[: LOST - 1]
        assert batches(resumed)[LOST - 1 :] == batches(whole)[: 2 * EPOCH - LOST + 1]
        return
    states = [torch.load(run.last, weights_only=True) for run in (resumed, whole)]
    assert [name for name in EXACT if not same(*(state[name] for state in states))] == []
    assert batches(resumed) == batches(whole)
    assert len(batches(whole)) == 2 * EPOCH


def test_strangers_run_is_evaluated_to_what_it_logged(
    study: str, whole: RunDirectory, seedbed: Any
) -> None:
    done = seedbed("evaluate", whole.path, "--json")
    if study == "stream":
        assert (done.status, done.err) == (
            2,
            f"{whole.path}: its data has no val part, or Mean no validation_step.\n",
        )
        return
    assert done.status == 0
    assert json.loads(done.out) == {name: whole.metrics()[name] for name in LOGGED[study]}
    assert ("BoringModel logs no metric of its val part" in done.err) == (study == "boring")


def test_strangers_module_is_swept(
    study: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decide = [f"monitor={name}" for name in LOGGED[study][:1]]
    decide += ["mode=max"] * (study == "dicts")

    def compose(overrides: Sequence[str]) -> DictConfig:
        return composed_study(study, *SHORT, *decide, *overrides)

    parsed = OverridesParser.create().parse_overrides(["seed=1,2"])
    once = Settings("grid", 2, 1, 2, 1, pruning=False, fail_fast=False, fresh=False)
    run_sweep(Plan(study, [], space(parsed), once), tmp_path / "sweep", compose, command=[])
    runs = [RunDirectory(file.parent) for file in tmp_path.glob("sweep/*/metrics.json")]
    assert sorted(run.config()["seed"] for run in runs) == [1, 2]
    printed = capsys.readouterr().out
    if decide:
        assert f"By {LOGGED[study][0]} of the best checkpoint" in printed
    else:
        assert "no monitor ranks these jobs; " in printed
        assert "seedbed compare" in printed
        assert "None" not in printed


def test_two_processes_share_a_strangers_batches(
    study: str, whole: RunDirectory, tmp_path: Path
) -> None:
    run = prepared(tmp_path / "run", study, *SHORT, "trainer=ddp", "trainer.devices=2")
    assert together(run, partial(prepare, run.path, study, 0)) == [0, 0]
    assert (run.state(), run.provenance()["processes"]) == ("finished", 2)
    # What its author does not average is the first process's own.
    warned = tmp_path / "0-warnings.txt"
    said = warned.read_text() if warned.exists() else ""
    assert all(f"`self.log('{name.split('/')[0]}'" in said for name in LOGGED[study])
    assert "'step'" not in said
    shares = zip(batches(run, 0), batches(run, 1), strict=True)
    epoch = batches(whole)[:EPOCH]
    # A stream divides itself among workers, and among processes if its author thinks of them.
    expected = [batch for batch in epoch for _ in range(2)] if study == "stream" else epoch
    assert [batch for pair in shares for batch in pair][: len(expected)] == expected
