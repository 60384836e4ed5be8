"""What a user may do wrong with a run on the command line: a message and status 2, no traceback."""

from pathlib import Path
from typing import Any

import pytest
from fixtures import Command
from made import copy_of

from seedbed.record.directory import RunDirectory

VERBS: dict[str, tuple[str, ...]] = {
    "execute": (),
    "resume": (),
    "evaluate": (),
    "predict": ("input.csv",),
    "generate": (),
    "export": ("--format", "safetensors"),
    "reproduce": (),
}
every_verb = pytest.mark.parametrize("verb", VERBS)
on_checkpoints = pytest.mark.parametrize("verb", ["evaluate", "predict", "generate", "export"])


@pytest.fixture
def run(exam: RunDirectory, tmp_path: Path) -> RunDirectory:
    return copy_of(exam, tmp_path / "run")


def refused(called: Any) -> str:
    """What was said of a wrong call."""
    assert (called.status, called.out) == (2, "")
    error: str = called.err
    return error


# --- the run --------------------------------------------------------------------------------------


@every_verb
def test_place_that_is_no_run_is_named(verb: str, seedbed: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("", "file", "nowhere"):
        place = tmp_path / name
        said = refused(seedbed(verb, place, *VERBS[verb]))
        assert said == f"{place} is not a run: it has no config.yaml.\n"


@every_verb
@pytest.mark.parametrize(
    "content",
    ["", "[1, 2]", "a: [", "\0", "a: &a [*a]", "when: 2026-01-31", "[" * 3000, "b\xe9"],
    ids=["empty", "list", "cut", "binary", "endless", "date", "deep", "latin"],
)
def test_damaged_configuration_is_named(
    verb: str, content: str, seedbed: Command, run: RunDirectory
) -> None:
    run.config_file.write_text(content, encoding="latin-1")
    run.set_status("interrupted")
    assert f"{run.config_file}: " in refused(seedbed(verb, run.path, *VERBS[verb]))


@every_verb
@pytest.mark.parametrize("group", ["data", "net", "task", "trainer", "compile"])
def test_configuration_with_a_part_missing_is_explained(
    verb: str, group: str, seedbed: Command, run: RunDirectory
) -> None:
    config = run.config()
    del config[group]
    run.set_config(config)
    run.set_status("interrupted")
    called = seedbed(verb, run.path, *VERBS[verb])
    assert called.status in (0, 2)  # exporting needs no trainer
    assert called.status == 0 or group in called.err or verb in ("predict", "generate")


@on_checkpoints
def test_damaged_checkpoint_is_named(verb: str, seedbed: Command, run: RunDirectory) -> None:
    run.best.write_bytes(run.best.read_bytes()[:-500])
    assert f"{run.best} is damaged" in refused(seedbed(verb, run.path, *VERBS[verb]))


@on_checkpoints
def test_missing_checkpoint_is_named(verb: str, seedbed: Command, run: RunDirectory) -> None:
    run.best.unlink()
    assert "has no best checkpoint" in refused(seedbed(verb, run.path, *VERBS[verb]))


@on_checkpoints
def test_checkpoint_that_is_not_there_or_none_or_another_nets_is_named(
    verb: str, seedbed: Command, run: RunDirectory, line: RunDirectory, tmp_path: Path
) -> None:
    (tmp_path / "x.ckpt").write_text("hello")
    for path in (tmp_path / "none.ckpt", tmp_path / "x.ckpt", tmp_path, line.best):
        said = refused(seedbed(verb, run.path, *VERBS[verb], "--checkpoint", path))
        assert str(path) in said


def test_damaged_metrics_are_named(seedbed: Command, run: RunDirectory) -> None:
    run.metrics_file.write_text('{"val/loss": 0.')
    for verb in ("resume", "evaluate", "reproduce"):
        assert f"{run.metrics_file}: cannot be read" in refused(seedbed(verb, run.path))


def test_unknown_part_of_the_data_is_named(seedbed: Command, run: RunDirectory) -> None:
    said = refused(seedbed("evaluate", run.path, "--split", "train"))
    assert all(name in said for name in ("'train'", "'val'", "'test'"))


# --- what is to be predicted, written, exported ---------------------------------------------------


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "study,sleep\n1\n", "\0", "b\xe9"])
def test_table_that_cannot_be_used_is_named(
    content: str, seedbed: Command, run: RunDirectory, tmp_path: Path
) -> None:
    (tmp_path / "input.csv").write_text(content, encoding="latin-1")
    assert "input.csv" in refused(seedbed("predict", run.path, tmp_path / "input.csv"))


def test_input_that_is_not_there_or_a_folder_is_named(
    seedbed: Command, run: RunDirectory, digits: RunDirectory, tmp_path: Path
) -> None:
    for opened in (run, digits):
        for name in ("none.csv", "none.png", "."):
            assert str(tmp_path / name) in refused(seedbed("predict", opened.path, tmp_path / name))


def test_image_that_is_none_is_named(
    seedbed: Command, digits: RunDirectory, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("hello")
    assert "text.png" in refused(seedbed("predict", digits.path, tmp_path / "text.png"))


def test_file_in_the_way_of_what_is_written_is_named(
    seedbed: Command, run: RunDirectory, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("study,sleep\n1,2\n")
    below = tmp_path / "file" / "below"
    for words in (
        ("predict", run.path, tmp_path / "file", "--out", below),
        ("export", run.path, "--format", "safetensors", "--out", below),
        ("reproduce", run.path, "--into", below),
        ("compare", run.path, "--out", below),
    ):
        assert "cannot be written" in seedbed(*words).err


def test_unknown_format_is_named_with_those_there_are(seedbed: Command, run: RunDirectory) -> None:
    said = refused(seedbed("export", run.path, "--format", "onyx"))
    assert all(name in said for name in ("'onyx'", "'onnx'", "'safetensors'"))


def test_prompt_outside_the_vocabulary_or_empty_is_no_error(
    seedbed: Command, poems: RunDirectory
) -> None:
    called = seedbed("generate", poems.path, "--prompt", "xyz", "--seed", 1)
    assert (called.status, "x y z" in called.err) == (0, True)
    assert seedbed("generate", poems.path, "--prompt", "", "--seed", 1).status == 0


def test_folder_of_runs_that_is_none_is_named(seedbed: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for verb in ("runs", "compare"):
        for name in ("nowhere", "file", "."):
            said = refused(seedbed(verb, tmp_path / name))
            assert f"{tmp_path / name}: expected a run's directory, or a folder of runs" in said


@pytest.mark.parametrize(
    ("verb", "option"), [("reproduce", "--into"), ("export", "--out"), ("predict", "--out")]
)
def test_place_without_a_name_is_not_the_current_folder(
    verb: str, option: str, seedbed: Command, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = run.path.with_name("empty")
    empty.mkdir()
    monkeypatch.chdir(empty)
    said = refused(seedbed(verb, run.path, *VERBS[verb], option, ""))
    assert "expected the name of a file or folder" in " ".join(said.replace("│", " ").split())
    assert [*empty.iterdir()] == []
