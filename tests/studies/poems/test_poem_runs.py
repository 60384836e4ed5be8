"""The experiment `poem_gpt` on other text, and what `make train` does where there is no network."""

import subprocess
from pathlib import Path

import pytest
from made import executed
from makefile import make, needs_make, script

from studies.poems.verse_grammar import RULES

TINY = ["net.depth=1", "data.context=16", "data.batch_size=2", "max_steps=2", "logger=csv"]
TINY += ["val_check_interval=1", "callbacks.samples.length=5"]
ENGLISH = "\n\n".join(f"sea {number}\nold river and bell" for number in range(40))


def test_default_prompt_that_the_corpus_does_not_know_is_replaced_and_said(tmp_path: Path) -> None:
    path = tmp_path / "sea.txt"
    path.write_text(ENGLISH)
    run = executed(tmp_path / "run", "experiment=poem_gpt", f"data.path={path}", *TINY)
    said = run.log_file.read_text(encoding="utf-8")
    said = "\n".join(line[21:] for line in said.splitlines())
    assert "a text of your own is data=text" in said
    assert "春 夜 喜 雨. In its place 'sea', the corpus's commonest beginning." in said
    assert said.count("commonest beginning") == 1
    assert said.count("\n    sea") == 4  # of the first weights, of two steps, and of the best


# --- make train -----------------------------------------------------------------------------------


def train(folder: Path, *, fetch_status: int) -> subprocess.CompletedProcess[str]:
    """`make train` in an environment that is ready, and in which fetching ends with a status."""
    script(folder / "bin" / "seedbed", f"exit {fetch_status}")
    script(folder / "bin" / "python")
    (folder / ".ready").touch()
    return make("train", VENV=folder)


@needs_make
def test_train_fetches_and_trains(tmp_path: Path) -> None:
    done = train(tmp_path, fetch_status=0)
    assert done.stdout.splitlines() == ["seedbed fetch", "python train.py experiment=poem_gpt"]


@needs_make
def test_train_goes_on_with_verse_where_no_mirror_delivers_and_says_so(tmp_path: Path) -> None:
    done = train(tmp_path, fetch_status=3)
    assert done.returncode == 0
    assert "THE TANG POEMS COULD NOT BE FETCHED" in done.stdout
    command, _, title = done.stdout.splitlines()[-1].partition(" prompt=")
    assert command == "python train.py experiment=poem_gpt data=verse"
    assert f"title {title}" in RULES


@needs_make
@pytest.mark.parametrize("status", [1, 2, 130])
def test_train_stops_where_fetching_fails_otherwise(status: int, tmp_path: Path) -> None:
    done = train(tmp_path, fetch_status=status)
    assert done.returncode != 0
    assert done.stdout == "seedbed fetch\n"
