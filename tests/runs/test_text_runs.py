"""Texts of one's own through the command line: what is said, and where the run is kept."""

from pathlib import Path

import pytest
from made import executed

from seedbed.config.compose import composed

TINY = ["net.depth=1", "data.context=16", "data.batch_size=2", "max_steps=2", "logger=csv"]
TINY += ["val_check_interval=1", "callbacks.samples.length=5"]
ENGLISH = "\n\n".join(f"sea {number}\nold river and bell" for number in range(40))


def opening(folder: Path, *overrides: str) -> str:
    run = executed(folder / "run", *overrides, *TINY)
    return "\n".join(line[21:] for line in run.log_file.read_text(encoding="utf-8").splitlines())


def test_opening_lines_say_what_was_read_and_how(tmp_path: Path) -> None:
    path = tmp_path / "sea.txt"
    path.write_bytes(ENGLISH.replace("\n", "\r\r\n").encode("utf-16"))
    said = opening(tmp_path, "experiment=text", f"data.path={path}")
    assert said.startswith("experiment  sea, seed 42\n")
    facts = "val documents 2, test documents 2, train documents 36"
    assert f"{path}, read as UTF-16 text, a blank line between documents, {facts}\n" in said


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (["data.path=/some/where/My texts 2.txt"], "My_texts_2"),
        (["data.path=/some/where/tale.txt", "name=paper"], "paper"),
        (["data.path=/some/where/tale.txt", "name=../x/y"], "x_y"),
        ([], "text"),
    ],
)
def test_run_is_kept_under_its_name_or_its_files(typed: list[str], kept: str) -> None:
    config = composed(["experiment=text", *typed])
    assert config.experiment_name == kept
    assert Path(config.hydra.run.dir).parts[-3:-1] == ("language", kept)
