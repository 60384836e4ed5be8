"""The pages: the commands they show are right ones, both languages agree, and they are short."""

import re
import shlex
from pathlib import Path

import pytest
from documents import LINK, chinese, code, dead_links, figures, pages, words
from shipped import LISTED
from stub_project import REPOSITORY

from seedbed.config.override_problems import setting_problems
from seedbed.config.overrides import is_multirun, readable
from seedbed.project import CONF
from seedbed.record.directory import RunDirectory

SHOWN = re.compile(r"python train\.py ((?:[^`\n\\]|\\\n#?)+)")
CHOSEN = re.compile(r"\b(\w+)=(\w+)")
ANOTHERS = (
    *("$BASE", "NAME", "SWEEP", "--help", "experiment=lin ", "experiment=iris", "trainer=gpu"),
    *("task=mine", "task=waves"),
)
"""What is no command as it stands, is shown for its mistake, or needs another machine or file."""

ENGLISH = ("CONTRIBUTING.md", "licences.md")
"""Pages in English alone, beside those in which one looks something up."""


DOCS = (
    *("start", "data", "own_study", "sweeps", "cluster", "pictures"),
    *("lessons", "studies", "poem_gpt", "questions", "design"),
)
BILINGUAL = [
    *(page for page in [REPOSITORY / "README.md"] if chinese(page).exists()),
    *(page for name in DOCS if (page := REPOSITORY / "docs" / f"{name}.md").exists()),
]
"""The shipped pages in both languages; a project made from the template has some of them."""


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


@pytest.mark.parametrize("page", BILINGUAL, ids=lambda page: page.stem)
def test_page_is_there_in_both_languages_with_the_same_commands_and_figures(page: Path) -> None:
    assert code(page) == code(chinese(page))
    assert figures(page) == figures(chinese(page))
    for other, leads in ((page, chinese(page)), (chinese(page), page)):
        assert leads.name in LINK.findall("\n".join(other.read_text("utf-8").split("\n")[:9]))


def test_chinese_pages_lead_to_chinese_ones() -> None:
    for page in (chinese(page) for page in BILINGUAL):
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            place = (page.parent / target).resolve()
            assert chinese(place) == page or not chinese(place).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_are_at_most_12_000_words_a_language(language: str) -> None:
    english = [*BILINGUAL, *(page for page in pages() if page.name in ENGLISH)]
    read = english if language == "en" else map(chinese, BILINGUAL)
    counted = {page.name: words(page) for page in read}
    assert sum(counted.values()) <= 12_000, counted


def test_links_between_pages_lead_somewhere() -> None:
    assert not [*dead_links(REPOSITORY)]
