"""Checkpoints that were altered or are of another run: refused in a sentence before torch acts."""

import copy
import os
import shutil
import signal
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import made
import pytest
import torch
from copied import python
from events import CLEAN, STEP, happen
from fixtures import Command
from hostile import PLAIN, bounded, changed, dropped, places, search, tries
from hypothesis import strategies as st
from torch import Tensor

from seedbed.record.directory import RunDirectory
from seedbed.runs.execute import execute
from seedbed.runs.optimizer_state import optimizers_differ

EXAM = (
    *("experiment=marks", "optimizer=adamw", "logger=csv", "data.batch_size=64", "max_epochs=2"),
    *("callbacks=[default,averaging,early_stopping,pruning]", "scheduler=plateau"),
)
VERBS: dict[str, tuple[str, ...]] = {"resume": (), "evaluate": (), "predict": ("input.csv",)}


def prepared(folder: Path, *overrides: str) -> RunDirectory:
    return made.prepared(folder, "callbacks.checkpoints.every_seconds=0", *overrides)


def until(step: int, path: Path) -> None:
    """Execute a run up to one of its steps, and no further."""
    torch.set_num_threads(1)
    happen(STEP, step, lambda: os.kill(os.getpid(), signal.SIGKILL))
    execute(path)


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run that was killed within an epoch, with predictions since the last validation."""
    run = prepared(tmp_path_factory.mktemp("runs") / "exam", *EXAM)
    process = CLEAN.Process(target=until, args=(27, run.path))
    process.start()
    process.join()
    assert torch.load(run.last, weights_only=True)["running"][0]["predicted"]
    return run


@pytest.fixture
def copied(exam: RunDirectory, tmp_path: Path) -> RunDirectory:
    return copy_of(exam, tmp_path / "copy")


def copy_of(run: RunDirectory, path: Path) -> RunDirectory:
    shutil.rmtree(path, ignore_errors=True)
    return made.copy_of(run, path)


def alter(run: RunDirectory, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what both of a run's checkpoints hold."""
    for path in (run.last, run.best):
        state = torch.load(path, weights_only=True)
        change(state)
        torch.save(state, path)


# --- an optimizer's state -------------------------------------------------------------------------


def resumed_alone(path: Path) -> None:
    from seedbed.cli.main import main

    warnings.simplefilter("ignore")
    sys.argv = ["seedbed", "resume", str(path)]
    main()


def test_moments_of_one_element_beside_larger_weights_of_a_fused_optimizer_are_refused(
    tmp_path: Path, seedbed: Command
) -> None:
    """Torch's fused Adam would write past their end."""
    run = prepared(tmp_path / "run", "experiment=marks", "max_epochs=1", "net.hidden=[1000]")
    execute(run.path)
    run.set_status("interrupted")

    def shrink(state: dict[str, Any]) -> None:
        for moments in state["optimizer_states"][0]["state"].values():
            moments["exp_avg"] = torch.zeros(1)

    alter(run, shrink)
    process = CLEAN.Process(target=resumed_alone, args=(run.path,))  # which could have died by it
    process.start()
    process.join()
    assert process.exitcode == 2
    called = seedbed("resume", run.path)
    expected = "optimizer_states[0].exp_avg of body.0.weight: expected [1000, 2], got [1]"
    assert called.err.startswith(f"{run.last}: {expected}\n")


OPTIMIZERS = {
    "adam": "exp_avg_sq",
    "adamw": "exp_avg",
    "momentum": "momentum_buffer",
    "rmsprop": "square_avg",
    "adagrad": "sum",
    "lamb": "exp_avg",
    "muon": "momentum_buffer",
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_takes_over_its_own_state_and_no_other(
    optimizer: str, tmp_path: Path, seedbed: Command
) -> None:
    few = ("max_epochs=1", "data.batch_size=10", "logger=csv", f"optimizer={optimizer}")
    run = prepared(tmp_path / "run", *few, "net.hidden=[3,2]")
    execute(run.path)
    assert seedbed("resume", run.path, "max_epochs=2").status == 0
    name = OPTIMIZERS[optimizer]

    def widen(state: dict[str, Any]) -> None:
        moments = next(m for m in state["optimizer_states"][0]["state"].values() if name in m)
        moments[name] = moments[name][None]

    alter(run, widen)
    called = seedbed("resume", run.path, "max_epochs=3")
    assert (called.status, f"optimizer_states[0].{name} of " in called.err) == (2, True)


class Odd(torch.optim.SGD):
    """An optimizer whose step cannot be tried."""

    def step(self, closure: Any = None) -> Any:
        raise NotImplementedError


def test_state_without_a_pattern_is_as_large_as_its_parameter_and_nothing_is_fused() -> None:
    net = torch.nn.Linear(3, 2)
    optimizer = Odd(net.parameters(), lr=0.1, momentum=0.9, fused=True)
    trainer = SimpleNamespace(
        strategy=SimpleNamespace(optimizers=[optimizer]), lightning_module=net
    )
    state = optimizer.state_dict()
    state["state"] = {0: {"momentum_buffer": torch.zeros(2, 3)}, 1: {"count": torch.tensor(1)}}
    found: Any = [state]
    assert [*optimizers_differ(found, trainer)] == []  # type: ignore[arg-type]
    assert state["param_groups"][0]["fused"] is False
    state = copy.deepcopy(optimizer.state_dict())
    state["state"] = {0: {"momentum_buffer": torch.zeros(1)}}
    assert [*optimizers_differ([state], trainer)] == [  # type: ignore[arg-type]
        "optimizer_states[0].momentum_buffer of weight: expected [2, 3], got [1]"
    ]


@pytest.mark.parametrize(
    "option", [{"fused": False}, {"foreach": True}, {"lr": "0.1"}, {"lr": -1.0}]
)
def test_optimizers_options_are_as_built(
    option: dict[str, Any], copied: RunDirectory, seedbed: Command
) -> None:
    alter(copied, lambda state: state["optimizer_states"][0]["param_groups"][0].update(option))
    called = seedbed("resume", copied.path)
    assert called.status == 2
    assert f"optimizer_states[0].param_groups[0].{next(iter(option))}: expected " in called.err


# --- anything else --------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_weights_that_are_not_numbers_are_refused_by_every_verb(
    verb: str, copied: RunDirectory, seedbed: Command
) -> None:
    alter(copied, lambda state: state["state_dict"]["net.head.weight"].fill_(torch.nan))
    called = seedbed(verb, copied.path, *VERBS[verb])
    assert called.status == 2
    assert "ckpt: state_dict.net.head.weight: has values that are not finite\n" in called.err


def test_language_model_with_weights_that_are_not_numbers_writes_nothing(
    poems: RunDirectory, tmp_path: Path, seedbed: Command
) -> None:
    run = copy_of(poems, tmp_path / "copy")
    alter(run, lambda state: next(iter(state["state_dict"].values())).fill_(torch.inf))
    called = seedbed("generate", run.path)
    assert (called.status, "has values that are not finite" in called.err) == (2, True)


def test_of_many_faults_some_are_listed(copied: RunDirectory, seedbed: Command) -> None:
    alter(copied, lambda state: state["state_dict"].update({f"w{i}": 1 for i in range(99)}))
    lines = seedbed("evaluate", copied.path).err.splitlines()
    assert lines[0] == f"{copied.best}: state_dict.w0: unexpected"
    assert (len(lines), lines[-2].strip()) == (14, "…")


def test_refusal_before_the_fit_changes_nothing(copied: RunDirectory, seedbed: Command) -> None:
    alter(copied, lambda state: state["state_dict"].clear())
    before = {path: path.read_bytes() for path in copied.path.rglob("*") if path.is_file()}
    assert seedbed("resume", copied.path, "max_epochs=9").status == 2
    assert {path: path.read_bytes() for path in copied.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state["optimizer_states"][0]["param_groups"][0].update(lr="0.1"),
        lambda state: state["lr_schedulers"].clear(),
        lambda state: state["loops"]["fit_loop"].update(state_dict=1),
    ],
    ids=["optimizer", "schedule", "loop"],
)
@pytest.mark.parametrize("state", ["interrupted", "running"])
def test_run_is_not_marked_running_before_all_that_it_takes_over_is_compared(
    state: str, change: Callable[[dict[str, Any]], object], copied: RunDirectory, seedbed: Command
) -> None:
    copied.set_status(state)
    before = copied.status_file.read_bytes()
    alter(copied, change)
    assert seedbed("resume", copied.path).status == 2
    assert copied.status_file.read_bytes() == before


def test_finished_run_with_a_target_that_is_not_allowed_is_refused(
    copied: RunDirectory, seedbed: Command
) -> None:
    copied.set_status("finished")
    copied.metrics_file.write_text("{}")
    copied.set_config(copied.config() | {"net": {"_target_": "os.system"}})
    for verb in ("resume", "execute"):
        called = seedbed(verb, copied.path)
        assert (called.status, "os.system" in called.err) == (2, True)


# --- one part, whatever it becomes ----------------------------------------------------------------


def added_to(value: Any) -> Any:
    if isinstance(value, dict):
        return value | {"more": 1, 7: torch.zeros(2)}
    return [*value, 1] if isinstance(value, list) else (value, value)


def of_tensors(change: Callable[[Tensor], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, Tensor) else [value]


VALUES: list[Any] = [
    *(*PLAIN, torch.nan, torch.inf, b"x", (), {1: 2}, 1j, {3}),
    *(torch.zeros(1), torch.tensor(5), torch.full((2, 2), torch.nan), torch.float32),
]
CHANGES: dict[str, Callable[[Any], Any]] = {
    "dropped": dropped,
    "added to": added_to,
    "one element": of_tensors(lambda x: torch.zeros(1, dtype=x.dtype)),
    "none": of_tensors(lambda x: x.flatten()[:0]),
    "flat": of_tensors(torch.flatten),
    "within another": of_tensors(lambda x: x[None]),
    "transposed": of_tensors(lambda x: x.T.contiguous().T if x.ndim == 2 else x),
    "repeated": of_tensors(lambda x: x.flatten()[:1].expand(x.shape) if x.ndim else x),
    "integers": of_tensors(lambda x: x.to(torch.int64)),
    "halves": of_tensors(lambda x: x.half()),
    "bools": of_tensors(lambda x: x.bool()),
    "complex": of_tensors(lambda x: x.to(torch.complex64)),
    "sparse": of_tensors(lambda x: x.to_sparse() if x.ndim else x),
    "negative": of_tensors(lambda x: torch.full_like(x, 255 if x.dtype == torch.uint8 else -3)),
    "large": of_tensors(lambda x: torch.full_like(x, 9 if x.dtype == torch.uint8 else 2**30)),
    **{f"{value!r:.20}": lambda _, value=value: value for value in VALUES},
}


@tries(60, 500)
def test_no_change_of_a_few_parts_ends_in_a_trace(
    tries: int, exam: RunDirectory, tmp_path: Path, seedbed: Command
) -> None:
    whole = torch.load(exam.last, weights_only=True)

    def attack(data: st.DataObject) -> None:
        state = whole
        for _ in range(data.draw(st.integers(1, 3), "parts")):
            part = data.draw(st.sampled_from(sorted(state, key=str)), "part")
            below = [(part,), *((part, *place) for place in places(state[part]))]
            place = data.draw(st.sampled_from(below), "place")
            change = data.draw(st.sampled_from([*CHANGES]), "change")
            state = changed(state, place, CHANGES[change])
        verb = data.draw(st.sampled_from([*VERBS]), "verb")
        altered = copy_of(exam, tmp_path / "copy")
        for path in (altered.last, altered.best):
            torch.save(state, path)
        (altered.path / "input.csv").write_text("study,sleep\n1,2\n")
        with bounded(exam.path):
            called = seedbed(verb, altered.path, *(altered.path / word for word in VERBS[verb]))
        assert called.status in (0, 1, 2), called.err
        assert called.status == 0 or called.err

    search(tries, attack)


# --- memory and time ------------------------------------------------------------------------------

BOUNDED = """
import resource, sys
from seedbed.fast.imports import quick_imports
with quick_imports():
    import seedbed.runs.evaluate, seedbed.runs.execute
import torch
torch.set_num_threads(1)
pages = int(open("/proc/self/statm").read().split()[0])
room = pages * resource.getpagesize() + 2**30
resource.setrlimit(resource.RLIMIT_AS, (room, room))
spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + 11, int(spent) + 11))
from seedbed.cli.main import main
main()
"""
"""The command, with 1 GiB and 10 s beyond what the imports take."""


def wide(run: RunDirectory) -> None:
    config = run.config()
    run.set_config(config | {"net": config["net"] | {"hidden": [25_000, 25_000]}})


def deep(run: RunDirectory) -> None:
    config = run.config()
    run.set_config(config | {"net": config["net"] | {"hidden": [1] * 100_000}})


def bomb(run: RunDirectory) -> None:
    """An archive of some megabytes that unfolds to more than a gibibyte."""
    with zipfile.ZipFile(run.best, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("archive/byteorder", "little")
        with file.open("archive/data.pkl", "w", force_zip64=True) as entry:
            for _ in range(1300):
                entry.write(bytes(2**20))
    shutil.copy(run.best, run.last)


def endless(run: RunDirectory) -> None:
    """A pickle of 40 MB, and nothing else."""
    with zipfile.ZipFile(run.best, "w") as file:
        file.writestr("archive/byteorder", "little")
        file.writestr("archive/data.pkl", b"\x80\x02" + b"]" * 40_000_000 + b".")
    shutil.copy(run.best, run.last)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks Linux what memory it has")
@pytest.mark.parametrize("verb", ["evaluate", "resume"])
@pytest.mark.parametrize(
    "attack", [wide, *(pytest.param(one, marks=pytest.mark.slow) for one in (deep, bomb, endless))]
)
def test_refusal_takes_little_time_and_memory(
    attack: Callable[[RunDirectory], None], verb: str, copied: RunDirectory
) -> None:
    attack(copied)
    copied.set_status("interrupted")
    done = python("-c", BOUNDED, verb, copied.path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert "ckpt" in done.stderr or "net: has more than 10,000 layers" in done.stderr
