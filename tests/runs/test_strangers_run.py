"""What a run's directory from elsewhere may not bring about, whatever verb is called on it."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from seedbed.errors import RunError
from seedbed.project import CONF
from seedbed.record.directory import RunDirectory, write_json
from seedbed.sweep.ledger import Ledger

Command = Callable[..., Any]

EVERY_VERB = {
    "execute": [],
    "resume": [],
    "resume for longer": ["max_epochs=99"],
    "evaluate": [],
    "predict": ["input.csv"],
    "generate": [],
    "export": ["--format", "safetensors"],
    "reproduce": [],
}
every_verb = pytest.mark.parametrize("verb", EVERY_VERB)


@pytest.fixture
def stranger(exam: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A run that may go on."""
    shutil.copytree(exam.path, tmp_path / "stranger")
    run = RunDirectory(tmp_path / "stranger")
    run.set_status("interrupted")
    return run


# --- code -----------------------------------------------------------------------------------------


CODE: dict[str, dict[str, Any]] = {
    "torch.hub.load": {"net": {"_target_": "torch.hub.load", "repo_or_dir": "evil/evil"}},
    "evil.in_a_list": {"logger": {"csv": {"of": [[{"deep": {"_target_": "evil.in_a_list"}}]]}}},
    "${oc.env:TARGET}": {"unread": {"_target_": "${oc.env:TARGET}"}},
}


@every_verb
@pytest.mark.parametrize("target", CODE)
def test_target_that_is_not_allowed_is_refused_by_every_verb_and_not_imported(
    verb: str,
    target: str,
    stranger: RunDirectory,
    seedbed: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imported = []
    original = importlib.import_module
    monkeypatch.setenv("TARGET", "evil.Net")
    monkeypatch.setattr(
        importlib,
        "import_module",
        lambda name, *a, **k: imported.append(name) or original(name, *a, **k),
    )
    stranger.set_config(stranger.config() | CODE[target])
    before = contents(stranger.path)
    called = seedbed(verb.partition(" ")[0], stranger.path, *EVERY_VERB[verb])
    assert called.status == 2
    assert f"_target_: {target} may not be constructed here" in called.err
    assert not {"torch.hub", "evil"} & {*imported}
    assert contents(stranger.path) == before


@pytest.mark.parametrize("verb", ["evaluate", "resume"])
def test_argument_by_which_a_librarys_class_reaches_elsewhere_is_refused(
    verb: str, stranger: RunDirectory, seedbed: Command
) -> None:
    config = stranger.config()
    stranger.set_config(config | {"trainer": config["trainer"] | {"model_registry": "their/own"}})
    called = seedbed(verb, stranger.path)
    assert (called.status, "model_registry: leads to files" in called.err) == (2, True)


@pytest.mark.parametrize("verb", [verb for verb in EVERY_VERB if verb != "reproduce"])
def test_checkpoint_with_a_pickled_object_is_refused_by_every_verb_that_opens_one(
    verb: str, stranger: RunDirectory, seedbed: Command, tmp_path: Path
) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "made by a checkpoint"),)

    state = torch.load(stranger.best, weights_only=True) | {"more": Evil()}
    for path in (stranger.best, stranger.last):
        torch.save(state, path)
    called = seedbed(verb.partition(" ")[0], stranger.path, *EVERY_VERB[verb])
    assert (called.status, "holds pickled objects" in called.err) == (2, True)
    assert not (tmp_path / "made by a checkpoint").exists()


@pytest.mark.parametrize(
    "word",
    [
        "hydra.launcher._target_=os.system",
        "--config-dir=evil",
        "+evil@hydra.sweeper=option",
        "experiment=../../evil/option",
        "+experiment@a_path=../../evil/option",
        "experiment=${oc.env:EVIL}",
        "paths.data_dir=/evil",
        "+paths={data_dir: /evil}",
    ],
)
def test_sweep_whose_command_is_more_than_settings_is_not_gone_on_with(
    word: str, seedbed: Command, stranger: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "execve")
    record = {"command": ["-m", word], "folder": "/", "sweep": {}}
    (stranger.path / "sweep.yaml").write_text(yaml.safe_dump(record))
    called = seedbed("resume", stranger.path)
    assert called.status == 2
    assert f"its command has {word}, and by such a sweep" in called.err


def test_process_that_executes_a_run_takes_no_module_from_the_folder_it_is_started_in(
    exam: RunDirectory, tmp_path: Path
) -> None:
    for module in ("seedbed", "torch"):
        (tmp_path / module).mkdir()
        (tmp_path / module / "__init__.py").write_text("raise SystemExit('this is evil')")
    done = subprocess.run(
        exam.execute_command, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


HOSTILE = ("yaml", "typer", "torch", "lightning", "pathlib", "typing", "json", "seedbed/errors")


@pytest.mark.parametrize("options", [[], ["-P"]], ids=["", "-P"])
@pytest.mark.parametrize("path", [None, "", ":"], ids=["no path", "empty path", "two empty"])
def test_command_typed_in_a_folder_takes_no_module_from_it(
    options: list[str], path: str | None, tmp_path: Path
) -> None:
    for module in HOSTILE:
        (tmp_path / module).with_suffix(".py").parent.mkdir(exist_ok=True)
        (tmp_path / module).with_suffix(".py").write_text("open('imported', 'w')\n")
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, *options, "-m", "seedbed", "runs", "nowhere"],
        cwd=tmp_path,
        env=environment | ({} if path is None else {"PYTHONPATH": path}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "nowhere: expected a run's directory" in done.stderr) == (2, True)
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize("activated", [True, False])
def test_command_that_is_printed_takes_no_module_from_the_folder_it_is_typed_in(
    activated: bool, exam: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("contextlib", "yaml", "torch"):
        (tmp_path / f"{module}.py").write_text("open('imported', 'w')\n")
    scripts = f"{Path(sys.executable).parent}{os.pathsep}" if activated else ""
    monkeypatch.setenv("PATH", f"{scripts}/usr/bin:/bin")
    assert exam.resume_command.startswith("seedbed ") == activated
    done = subprocess.run(
        exam.resume_command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "has finished" in done.stdout) == (0, True)
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize("name", ["sweep.yaml", "trials.jsonl"])
@pytest.mark.parametrize("content", [b"[" * 99_999, b"\xe9", b"[1]", b"1", None])
def test_malformed_file_of_a_sweep_is_named(
    name: str, content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(content) if content else os.mkfifo(file)
    ledger = Ledger(tmp_path)
    with pytest.raises(RunError, match=name):
        ledger.record() if name == "sweep.yaml" else ledger.points()


@pytest.mark.parametrize("command", [[], ["experiment=dots"], ["max_steps=1,2"]])
def test_record_of_a_sweep_with_no_sweeps_command_starts_nothing(
    command: list[str], seedbed: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "execve")
    record = {"command": command, "folder": "/", "sweep": {}}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(record))
    called = seedbed("resume", tmp_path)
    assert (called.status, "nothing was started" in called.err) == (2, True)


@pytest.mark.parametrize("record", [{"command": "-m"}, {"command": [1]}, {"folder": 1}, {}])
def test_damaged_record_of_a_sweep_is_named(
    record: dict[str, Any], seedbed: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "execve")
    whole = {"command": ["-m"], "folder": "/", "sweep": {}}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(record and whole | record))
    called = seedbed("resume", tmp_path)
    assert (called.status, "sweep.yaml: expected a sweep's command" in called.err) == (2, True)


def test_command_of_a_sweep_that_no_process_takes_is_refused(
    seedbed: Command, tmp_path: Path
) -> None:
    record = {"command": ["-m", "notes=a\0b"], "folder": "nowhere", "sweep": {}}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(record))
    called = seedbed("resume", tmp_path)
    assert (called.status, "cannot be given again (embedded null byte)" in called.err) == (2, True)


# --- places ---------------------------------------------------------------------------------------

LINKS = {
    "metrics.csv": "file",
    "metrics.json": "file",
    "train.log": "file",
    "status.json": "file",
    ".lock": "not yet there",
    "confusion.csv": "file",
    "checkpoints/last.ckpt.damaged": "not yet there",
    "tensorboard": "folder",
    "checkpoints": "folder",
    "export": "folder",
    "reproduced": "folder",
    "deep/er": "folder",
}

WRITING = {
    name: words for name, words in EVERY_VERB.items() if name not in ("evaluate", "generate")
}


def contents(folder: Path) -> dict[str, bytes | None]:
    """All that is in a folder, links not followed."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        if path.is_file() and not path.is_symlink()
        else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Somebody's own."""
    (tmp_path / "outside" / "folder").mkdir(parents=True)
    (tmp_path / "outside" / "file").write_text("mine")
    return tmp_path / "outside"


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("verb", WRITING)
def test_no_verb_writes_through_a_link(
    verb: str, link: str, stranger: RunDirectory, outside: Path, seedbed: Command
) -> None:
    place = stranger.path / link
    target = outside / LINKS[link]
    if place.is_dir():
        target.rmdir()
        shutil.move(place, target)
    place.unlink(missing_ok=True)
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(target)
    words = [word if word != "input.csv" else table(outside) for word in WRITING[verb]]
    if verb == "predict":
        words += ["--out", stranger.path / "predicted.csv"]
    before, mine = contents(outside), contents(stranger.path)
    called = seedbed(verb.partition(" ")[0], stranger.path, *words)
    assert called.status == 2
    assert contents(outside) == before
    assert contents(stranger.path) == mine


def table(folder: Path) -> Path:
    (folder / "input.csv").write_text("study,sleep\n1,2\n")
    return folder / "input.csv"


def test_no_name_of_a_place_in_the_run_hides_a_link(
    stranger: RunDirectory, outside: Path, seedbed: Command
) -> None:
    (stranger.path / "predicted.csv").symlink_to(outside / "file")
    (outside / "folder" / "run").symlink_to(stranger.path)
    for place in (outside / ".." / "stranger", outside / "folder" / "run"):
        words = (table(outside.parent), "--out", place / "predicted.csv")
        assert seedbed("predict", stranger.path, *words).status == 2
    assert (outside / "file").read_text() == "mine"


def test_run_of_several_processes_records_nothing_through_a_link(
    stranger: RunDirectory, outside: Path, seedbed: Command
) -> None:
    config = stranger.config()
    together = {"strategy": "ddp", "devices": 2}
    stranger.set_config(config | {"trainer": config["trainer"] | together})
    stranger.set_status("running")
    stranger.log_file.unlink()
    stranger.log_file.symlink_to(outside / "file")
    assert seedbed("resume", stranger.path).status == 2
    assert contents(outside) == {"file": b"mine", "folder": None}


@pytest.mark.parametrize("name", ["job", "optimizer", ".lock", "report.html"])
def test_sweep_writes_through_no_link(name: str, outside: Path, tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / name).symlink_to(outside / "folder")
    with pytest.raises(RunError, match="is a link out of"), Ledger(tmp_path / "sweep").claimed():
        pass
    assert contents(outside) == {"file": b"mine", "folder": None}


def test_link_is_named_with_the_remedy(
    stranger: RunDirectory, outside: Path, seedbed: Command
) -> None:
    stranger.log_file.unlink()
    stranger.log_file.symlink_to(outside / "file")
    assert seedbed("resume", stranger.path).err == (
        f"{stranger.log_file} is a link out of {stranger.path}, so nothing is written there. Put a "
        "copy of what it leads to in its place.\n"
    )


@pytest.mark.parametrize("name", ["train.log", "metrics.csv", ".lock", "status.json"])
def test_nothing_is_written_to_a_pipe(name: str, stranger: RunDirectory, seedbed: Command) -> None:
    (stranger.path / name).unlink(missing_ok=True)
    os.mkfifo(stranger.path / name)
    called = seedbed("resume", stranger.path)
    assert called.status == 2
    assert str(stranger.path / name) in called.err


def test_file_with_a_second_name_elsewhere_is_not_appended_to(
    stranger: RunDirectory, outside: Path, seedbed: Command
) -> None:
    stranger.log_file.unlink()
    os.link(outside / "file", stranger.log_file)
    assert seedbed("resume", stranger.path).status == 2
    assert (outside / "file").read_text() == "mine"


def test_looking_at_runs_writes_through_no_link(
    stranger: RunDirectory, outside: Path, seedbed: Command
) -> None:
    stranger.set_status("running")
    (stranger.path / ".lock").unlink()
    for name in (".lock", "results.csv", "curves.png", "report.html"):
        (stranger.path / name).symlink_to(outside / "file")
    assert seedbed("runs", stranger.path).status == 0
    assert seedbed("compare", stranger.path).status == 0
    assert contents(outside) == {"file": b"mine", "folder": None}
    assert "<html" in (stranger.path / "report.html").read_text()


def test_evaluating_a_profiled_run_leaves_no_profile(
    stranger: RunDirectory, outside: Path, seedbed: Command
) -> None:
    config = stranger.config()
    profiler = {"_target_": "lightning.pytorch.profilers.SimpleProfiler", "filename": "profile"}
    stranger.set_config(config | {"trainer": config["trainer"] | {"profiler": profiler}})
    (stranger.path / "validate-profile.txt").symlink_to(outside / "file")
    assert seedbed("evaluate", stranger.path).status == 0
    assert (outside / "file").read_text() == "mine"


def test_run_with_a_link_within_it_goes_on(stranger: RunDirectory, seedbed: Command) -> None:
    (stranger.path / "latest.ckpt").symlink_to("checkpoints/last.ckpt")
    assert seedbed("resume", stranger.path).status == 0


# --- what is shown --------------------------------------------------------------------------------

EVIL = "\x1b]0;owned\x07\u202e\x9b2J"


@pytest.fixture
def evil(exam: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A finished run whose texts would all have a terminal do something."""
    run = RunDirectory(tmp_path / f"run {EVIL}")
    shutil.copytree(exam.path, run.path)
    run.set_config(run.config() | {"experiment_name": EVIL, "monitor": f"val/{EVIL}"})
    run.set_status("finished", error=EVIL)
    record = run.provenance()
    record["git"] |= {"commit": EVIL, "untracked": {}}
    record["versions"] |= {EVIL: EVIL}
    write_json(run.provenance_file, record)
    write_json(run.metrics_file, run.metrics() | {f"val/{EVIL}": 1.0})
    return run


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        ("runs", []),
        ("runs", ["--json"]),
        ("compare", ["--metric", "val/loss"]),
        ("compare", ["--metric", f"val/{EVIL}"]),
        ("compare", ["--metric", "val/loss", "--json"]),
        ("reproduce", []),
        ("reproduce", ["--json"]),
        ("resume", []),
        ("evaluate", ["--checkpoint", EVIL]),
        ("generate", []),
    ],
)
def test_no_text_of_a_run_has_a_terminal_do_anything(
    verb: str, words: list[str], evil: RunDirectory, seedbed: Command
) -> None:
    if verb == "reproduce":
        evil.set_config(evil.config() | {"experiment_name": "exam", "monitor": "val/loss"})
    called = seedbed(verb, evil.path, *words)
    printed = called.out + called.err
    assert not {*"\x1b\x07\u202e\x9b"} & {*printed}
    assert "x1b]0;owned" in printed or "u001b]0;owned" in printed


def test_predictions_shown_on_a_terminal_do_nothing_there_and_are_whole_in_a_file(
    exam: RunDirectory, seedbed: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "input.csv").write_text(f"study,sleep,name\n1,2,{EVIL}\n1,2,=1+1\n")
    assert EVIL in seedbed("predict", exam.path, tmp_path / "input.csv").out
    assert "'=1+1" in seedbed("predict", exam.path, tmp_path / "input.csv").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert r"\x1b]0;owned" in seedbed("predict", exam.path, tmp_path / "input.csv").out


def test_run_whose_name_is_not_utf8_is_shown_and_compared(
    exam: RunDirectory, seedbed: Command, tmp_path: Path
) -> None:
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff"))
    shutil.copytree(exam.path, place / "run")
    for words in (["runs"], ["runs", "--json"], ["compare"], ["compare", "--json"], ["resume"]):
        called = seedbed(words[0], place / "run" if words == ["resume"] else place, *words[1:])
        assert called.status == 0
    assert r"a\udcff/run" in (place / "results.csv").read_text(encoding="utf-8")
    assert r"a\xff/run" in (place / "report.html").read_text(encoding="utf-8")


# --- a moved one, on its own ----------------------------------------------------------------------


def test_moved_run_is_all_that_each_verb_needs(
    exam: RunDirectory,
    seedbed: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Moved, with every experiment's file gone, and from another folder."""
    moved = RunDirectory(tmp_path / "a run (moved)")
    shutil.copytree(exam.path, moved.path)
    shutil.copytree(CONF, tmp_path / "conf", ignore=shutil.ignore_patterns("experiment"))
    monkeypatch.setattr("seedbed.config.compose.CONF", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    best = exam.metrics()["val/loss"]

    assert f"{best:.4f}" in seedbed("runs", "a run (moved)").out
    assert f"{best:.4f}" in seedbed("evaluate", "a run (moved)").out
    assert "has finished" in seedbed("resume", "a run (moved)").out
    assert "probability" in seedbed("predict", "a run (moved)", table(tmp_path)).out
    assert "outputs within 0" in seedbed("export", moved.path, "--format", "safetensors").out
    assert "identical: all " in seedbed("reproduce", "a run (moved)").out
    assert f"{best:.4f}" in seedbed("compare", "a run (moved)", "--metric", "val/loss").out
    assert seedbed("resume", "a run (moved)", "max_epochs=5").status == 0
    assert moved.metrics()["val/loss"] <= best  # the score to beat moved along
