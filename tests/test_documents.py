"""The commands that the documents and the configuration's comments show: each is a right one."""

import re
import shlex
from pathlib import Path

import pytest
from shipped import LISTED
from stub_project import REPOSITORY

from seedbed.config.overrides import is_multirun, readable, setting_problems
from seedbed.project import CONF
from seedbed.record.directory import RunDirectory

SHOWN = re.compile(r"python train\.py ((?:[^`\n\\]|\\\n#?)+)")
CHOSEN = re.compile(r"\b(\w+)=(\w+)")
ANOTHERS = (
    *("$BASE", "NAME", "SWEEP", "--help", "experiment=lin ", "experiment=iris", "trainer=gpu"),
    *("task=mine", "task=waves"),
)
"""What is no command as it stands, is shown for its mistake, or needs another machine or file."""


def commands() -> list[str]:
    """What follows `python train.py`, each once, without comments."""
    files = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md"), *CONF.rglob("*.yaml")]
    shown = [text for file in files for text in SHOWN.findall(file.read_text(encoding="utf-8"))]
    plain = [re.sub(r"\\\n#?", " ", text) for text in shown]
    return sorted(
        {text for text in plain if not (any(sign in text for sign in ANOTHERS) or _removed(text))}
    )


def _removed(text: str) -> bool:
    """Whether a command is of a shipped study that is no longer in the project."""
    chosen = [f"{group}/{option}.yaml" for group, option in CHOSEN.findall(text)]
    return any(name in LISTED and not (CONF / name).exists() for name in chosen)


@pytest.mark.slow
@pytest.mark.parametrize("command", commands(), ids=str.strip)
def test_command_that_is_shown_has_no_wrong_setting(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory(tmp_path / "RUN")  # as documents call any
    run.checkpoints.mkdir(parents=True)
    run.best.touch()
    monkeypatch.chdir(tmp_path)
    arguments = readable(shlex.split(command, comments=True))
    overrides = [word for word in arguments if "=" in word and not word.startswith("-")]
    assert setting_problems(overrides, multirun=is_multirun(arguments)) == []


def test_commands_are_found() -> None:
    assert len(commands()) > 5


def code(page: Path) -> list[str]:
    """The blocks of code of a page."""
    return re.findall(r"^```.*?^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_both_languages_of_the_first_page_show_the_same_commands() -> None:
    assert code(REPOSITORY / "README.md") == code(REPOSITORY / "README.zh.md") != []


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]
    dead = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
        # A folder that is gone as a whole went with the studies.
        and (page.parent / target).parent.exists()
    ]
    assert not dead
