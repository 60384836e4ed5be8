"""Whatever a run's records and a command line hold: an answer or a refusal, and nothing else."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures import Command
from hostile import PLAIN, bounded, changed, dropped, mutated, places, search, tries
from hypothesis import strategies as st

from seedbed.cli.shell import explained
from seedbed.config.checks import check
from seedbed.project import CONF
from seedbed.record.directory import RunDirectory
from seedbed.runs.start import settings_of

# --- a run's record -------------------------------------------------------------------------------

VERBS = ("runs", "compare", "report", "resume", "reproduce", "evaluate", "predict")

RECORDS = (
    *("config.yaml", "status.json", "provenance.json", "metrics.json", "doctor.json"),
    *("metrics.csv", "batches.csv"),
)


def altered(data: st.DataObject, file: Path) -> bytes:
    """A record with some of its values changed, or of its bytes."""
    content = file.read_bytes()
    if file.suffix == ".csv" or data.draw(st.booleans()):
        return data.draw(mutated(content))
    values = yaml.safe_load(content)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from([*places(values)] or [()]))
        new = data.draw(st.sampled_from([dropped, *(lambda _, v=v: v for v in PLAIN)]))
        values = changed(values, place, new if place else lambda _: {})
    text = json.dumps(values) if file.suffix == ".json" else yaml.safe_dump(values)
    return text.encode("utf-8", "surrogatepass")


@tries(15, 150)
def test_any_record_is_read_or_refused(
    tries: int, exam: RunDirectory, tmp_path: Path, outside: Path, seedbed: Command
) -> None:
    (tmp_path / "new.csv").write_text("study,sleep\n1,2\n")

    def attack(data: st.DataObject) -> None:
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        run = tmp_path / "runs" / "run"
        shutil.copytree(exam.path, run)
        verb = data.draw(st.sampled_from(VERBS), "verb")
        for name in data.draw(st.sets(st.sampled_from(RECORDS), min_size=1, max_size=2), "files"):
            (run / name).write_bytes(altered(data, exam.path / name))
        more = {"predict": [tmp_path / "new.csv"], "compare": ["--out", tmp_path / "report"]}
        with bounded(outside):
            called = seedbed(verb, run.parent if verb == "runs" else run, *more.get(verb, []))
        assert called.status in (0, 1, 2)
        assert called.status == 0 or called.err + called.out

    search(tries, attack)


@pytest.mark.parametrize(
    "change",
    [
        {"logger": None},
        {"logger": dropped},
        {"logger": {"csv": True}},
        {"logger": [1]},
        {"logger": True},
        {"experiment_name": dropped},
    ],
)
def test_settings_that_a_run_may_lack_end_reproduce_in_no_trace(
    change: dict[str, Any], exam: RunDirectory, tmp_path: Path, seedbed: Command
) -> None:
    shutil.copytree(exam.path, tmp_path / "run")
    config = {k: v for k, v in (exam.config() | change).items() if v is not dropped}
    (tmp_path / "run" / "config.yaml").write_text(yaml.safe_dump(config))
    called = seedbed("reproduce", tmp_path / "run")
    assert called.status in (0, 1, 2)
    assert called.status == 0 or called.err + called.out


# --- command lines --------------------------------------------------------------------------------

GROUPS = ("optimizer", "scheduler", "init", "trainer", "callbacks", "net", "task", "logger", "data")
OPTIONS = {
    group: [path.stem for path in sorted((CONF / group).glob("*.yaml"))] + ["none", "nothing", ""]
    for group in GROUPS
}
SETTINGS = (
    *("optimizer.lr", "optimizer.weight_decay", "scheduler.warmup", "net.hidden", "net.dropout"),
    *("max_epochs", "max_steps", "seed", "data.batch_size", "trainer.precision", "trainer.devices"),
    *("trainer.max_epochs", "task.loss", "task.l1", "monitor", "mode", "name", "experiment_name"),
    *("callbacks.checkpoints.every_seconds", "weights", "compile", "hydra.run.dir", "no.such"),
    *("optimizer._target_", "net._target_", "data.path", "val_check_interval", "print_every"),
)
TYPED = (
    *("0", "1", "-1", "0.5", "1e999", "nan", "null", "true", "''", "[]", "[1,2]", "{a: 1}", "x"),
    *("9999999999999999999999", "${seed}", "${no}", "${oc.env:HOME}", "1,2", "range(1,3)", "bf16"),
    *("os.system", "torch.nn.Linear", "[", "{", "'", "a=b", "../x", "val/loss", "max", "16-true"),
)
WORD = st.one_of(
    st.sampled_from(GROUPS).flatmap(
        lambda group: st.sampled_from(OPTIONS[group]).map(lambda option: f"{group}={option}")
    ),
    st.tuples(
        st.sampled_from(("", "", "", "+", "++", "~")),
        st.sampled_from(SETTINGS),
        st.sampled_from(TYPED),
    ).map(lambda parts: f"{parts[0]}{parts[1]}={parts[2]}"),
    st.text(max_size=12),
)


@tries(6, 40)
def test_any_command_line_is_checked_or_refused(
    tries: int, outside: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def attack(data: st.DataObject) -> None:
        study = data.draw(st.sampled_from(("marks", "dots", "glyphs", "rhymes", "none", "no such")))
        words = [f"experiment={study}", *data.draw(st.lists(WORD, max_size=4))]
        monkeypatch.setattr(sys, "argv", ["train.py", *words])
        status: object = 0
        with bounded(outside):
            try:
                with explained():
                    check(settings_of(words)[1])
            except SystemExit as left:
                status = left.code
        assert status in (0, 2)
        printed = capsys.readouterr()
        assert (status == 2) == bool(printed.err.strip())

    search(tries, attack)
