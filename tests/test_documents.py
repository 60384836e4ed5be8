"""The pages: the commands they show are right ones, both languages agree, and they are short."""

import re
import shlex
from pathlib import Path

import pytest
from pages import LINK, chinese, code, dead_links, figures, pages, twins, words
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

LOGS_AND_LISTS = ("CHANGELOG.md", "experiments.md", "reference.md")
"""Pages in which one looks something up."""


def commands() -> list[str]:
    """What follows `python train.py`, each once, without comments."""
    files = [*pages(), *CONF.rglob("*.yaml")]
    shown = [text for file in files for text in SHOWN.findall(file.read_text(encoding="utf-8"))]
    plain = [re.sub(r"\\\n#?", " ", text).split(" #")[0] for text in shown]
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


TWINS = [page for page in twins() if page.stem != "lessons"]  # tests/test_lessons_page.py has it


@pytest.mark.parametrize("page", TWINS, ids=lambda page: page.stem)
def test_both_languages_of_a_page_show_the_same_commands_and_figures(page: Path) -> None:
    assert code(page) == code(chinese(page))
    assert figures(page) == figures(chinese(page))
    for other, leads in ((page, chinese(page)), (chinese(page), page)):
        assert leads.name in LINK.findall("\n".join(other.read_text("utf-8").split("\n")[:9]))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_are_at_most_12_000_words_a_language(language: str) -> None:
    read = [page for page in pages() if page.name not in LOGS_AND_LISTS]
    of_language = [page for page in read if page.name.endswith(".zh.md") == (language == "zh")]
    counted = {page.name: words(page) for page in of_language}
    assert sum(counted.values()) <= 12_000, counted


def test_links_between_pages_lead_somewhere() -> None:
    assert not [*dead_links(REPOSITORY)]
